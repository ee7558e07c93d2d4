/** Images that disks stand on: whether two hosts have the same one. */
@NullMarked
package dev.drover.node.backing;

import org.jspecify.annotations.NullMarked;
