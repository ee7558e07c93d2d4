/** The only place from which status is written. */
@NullMarked
package dev.drover.operator.status;

import org.jspecify.annotations.NullMarked;
