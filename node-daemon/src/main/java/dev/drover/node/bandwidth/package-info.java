/** How a cap on the whole transfer is shared between memory and disks. */
@NullMarked
package dev.drover.node.bandwidth;

import org.jspecify.annotations.NullMarked;
