/** Whether a transfer will end, and what is done about it: pure decisions from measurements. */
@NullMarked
package dev.drover.node.convergence;

import org.jspecify.annotations.NullMarked;
