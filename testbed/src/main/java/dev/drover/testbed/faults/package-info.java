/** What can go wrong with hosts, links and processes, done on purpose and put right again. */
@NullMarked
package dev.drover.testbed.faults;

import org.jspecify.annotations.NullMarked;
