package dev.drover.node.convergence;

import dev.drover.api.v1alpha1.Reason;
import java.time.Duration;

/** What is done about a running transfer. {@code because} says why, with the figures. */
public sealed interface Decision {

  /** The same words as in status, events and metrics. */
  default String word() {
    return getClass().getSimpleName();
  }

  /** Nothing; it goes on. */
  record Continue() implements Decision {}

  /** libvirt may plan to stop the guest for that long; never more than the policy allows. */
  record AllowDowntime(Duration downtime, String because) implements Decision {}

  /** The guest goes on at the target now. */
  record StartPostCopy(String because) implements Decision {}

  /** The guest is stopped here, so that what remains can't grow any more. */
  record Pause(String because) implements Decision {}

  /**
   * It has taken too long ({@link Reason#CompletionTimeout}), or can't end within its limits
   * ({@link Reason#WillNotConverge}).
   */
  record GiveUp(Reason reason, String because) implements Decision {}
}
