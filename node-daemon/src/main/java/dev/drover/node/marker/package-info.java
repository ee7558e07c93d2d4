/** Tiny volumes that say something of a migration to whoever looks into a pool. */
@NullMarked
package dev.drover.node.marker;

import org.jspecify.annotations.NullMarked;
