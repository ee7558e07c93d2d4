/** What certificates hosts may have, and who signs them. */
@NullMarked
package dev.drover.operator.certificate;

import org.jspecify.annotations.NullMarked;
