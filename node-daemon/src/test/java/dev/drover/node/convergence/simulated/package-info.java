/**
 * Pre-copy without a hypervisor: a guest that writes, a link, QEMU's rule when to switch, and the
 * rules of others to compare Drover's with (docs/reference/convergence.md).
 */
@NullMarked
package dev.drover.node.convergence.simulated;

import org.jspecify.annotations.NullMarked;
