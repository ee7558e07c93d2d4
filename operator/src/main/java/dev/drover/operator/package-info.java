/** The operator's process: configuration, wiring, leader election, shutdown. */
@NullMarked
package dev.drover.operator;

import org.jspecify.annotations.NullMarked;
