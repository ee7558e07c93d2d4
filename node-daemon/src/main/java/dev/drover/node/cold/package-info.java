/**
 * Migration of a guest that is shut off: its disks' files are copied and compared, then its
 * definition moves. Both roles use it; it knows neither.
 */
@NullMarked
package dev.drover.node.cold;

import org.jspecify.annotations.NullMarked;
