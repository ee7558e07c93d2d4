/** The reference pages say what the code says. */
@NullMarked
package dev.drover.api.docs;

import org.jspecify.annotations.NullMarked;
