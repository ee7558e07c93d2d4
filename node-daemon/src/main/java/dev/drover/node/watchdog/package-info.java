/** Whether a transfer keeps its guest still, and what to do about it: pure (DESIGN.md 6.7). */
@NullMarked
package dev.drover.node.watchdog;

import org.jspecify.annotations.NullMarked;
