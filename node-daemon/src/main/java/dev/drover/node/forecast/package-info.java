/** What a migration would take, told before it begins. Pure. */
@NullMarked
package dev.drover.node.forecast;

import org.jspecify.annotations.NullMarked;
