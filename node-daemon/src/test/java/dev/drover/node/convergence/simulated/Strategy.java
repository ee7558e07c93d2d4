package dev.drover.node.convergence.simulated;

import dev.drover.node.convergence.Sample;
import java.time.Duration;

/** Who steers a transfer. Has a memory of its own; one for each transfer. */
interface Strategy {
  String name();

  /** What the hypervisor is told before it starts. */
  Duration firstDowntime();

  /** How often it looks. */
  Duration interval();

  Action look(Sample sample);

  /** What it does. */
  sealed interface Action {
    record Wait() implements Action {}

    record Allow(Duration downtime) implements Action {}

    record GiveUp() implements Action {}
  }
}
