/** Who runs the guest: pure decisions from evidence (DESIGN.md 6.1). */
@NullMarked
package dev.drover.node.handover;

import org.jspecify.annotations.NullMarked;
