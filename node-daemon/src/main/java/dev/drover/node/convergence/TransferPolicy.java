package dev.drover.node.convergence;

import java.time.Duration;

/**
 * What the spec allows now; it may change while the transfer runs.
 *
 * @param maxDowntime longest time that the guest may stand still by this controller's own choice
 * @param completionTimeout after this much of transfer, {@code onTimeout} decides
 * @param postCopyPossible the transfer was started with post-copy on, so that it may be switched
 * @param autoConverge QEMU takes CPU time from a guest that writes too much, by itself and in steps
 * @param switchover what a person wants to happen now
 */
public record TransferPolicy(
    Duration maxDowntime,
    Duration completionTimeout,
    OnTimeout onTimeout,
    boolean postCopyPossible,
    boolean autoConverge,
    Switchover switchover) {

  /** What happens at the timeout. */
  public enum OnTimeout {
    Abort,
    /** The guest is stopped until all of it is over, however long that takes. */
    Pause,
    /** As {@link #Abort} where post-copy is not possible. */
    PostCopy
  }

  /** Who decides when the guest moves. */
  public enum Switchover {
    Automatic,
    Pause,
    PostCopy
  }
}
