/** Commands, background processes, and what is needed to be rid of them after a crash. */
@NullMarked
package dev.drover.testbed.process;

import org.jspecify.annotations.NullMarked;
