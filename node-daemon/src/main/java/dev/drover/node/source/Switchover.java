package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import java.time.Duration;

/**
 * Says that the guest stands still for the switchover, once that has lasted, or that it goes on in
 * post-copy. Told from libvirt's events alone, because QEMU may be deaf while the guest stands
 * still. Thread-safe.
 */
final class Switchover {
  private static final Duration WORTH_TELLING = Duration.ofMillis(400);

  private final RunningTransfer transfer;
  private State told = State.Transferring;

  Switchover(RunningTransfer transfer) {
    this.transfer = transfer;
  }

  /** What the transfer is doing, as it was told last. */
  synchronized State state() {
    return told;
  }

  /** Tells it, if it is so and was not told yet. */
  synchronized void tell() {
    var signals = transfer.signals();
    if (signals.isPostCopy()) {
      if (told != State.PostCopying) {
        told = State.PostCopying;
        var unused =
            transfer.say(
                State.PostCopying,
                Reason.PostCopying,
                "The guest runs at " + transfer.order().targetNode() + "; its memory follows");
      }
    } else if (told == State.Transferring && hasLasted()) {
      told = State.Switching;
      var unused =
          transfer.say(
              State.Switching, Reason.Switching, "The guest stands still for the switchover");
    }
  }

  private boolean hasLasted() {
    var now = transfer.clock().instant();
    return transfer
        .signals()
        .standsStillSince()
        .map(at -> at.plus(WORTH_TELLING).isBefore(now))
        .orElse(false);
  }
}
