package dev.drover.node.convergence;

import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.time.Duration;
import java.util.List;

/** From what is allowed and what was measured to what is done. A pure function. */
public final class Convergence {
  /** From here on the guest's writes eat up what the link brings. */
  static final double HOPELESS_RATIO = 0.9;

  /**
   * A dirty rate is known after the first full pass; a second one that does not help is enough
   * evidence.
   */
  static final int ITERATIONS_FOR_EVIDENCE = 3;

  private Convergence() {}

  /** What libvirt is told before anything was measured. */
  public static Duration firstDowntime(TransferPolicy policy) {
    return policy.maxDowntime();
  }

  /** {@code history} is in order of time, the newest sample last. */
  public static Decision decide(TransferPolicy policy, List<Sample> history) {
    if (history.isEmpty()) {
      return new Decision.Continue();
    }
    var now = history.getLast();
    // Before that libvirt copies disks, and can neither pause nor switch.
    boolean memoryIsOnItsWay = now.iteration() >= 1;
    if (memoryIsOnItsWay && policy.switchover() == Switchover.Pause) {
      return new Decision.Pause("spec.switchover is Pause");
    }
    if (memoryIsOnItsWay
        && policy.switchover() == Switchover.PostCopy
        && policy.postCopyPossible()) {
      return new Decision.StartPostCopy("spec.switchover is PostCopy");
    }
    if (now.elapsed().compareTo(policy.completionTimeout()) >= 0) {
      return atTheTimeout(policy, now, memoryIsOnItsWay);
    }
    if (policy.postCopyPossible()
        && now.iteration() >= ITERATIONS_FOR_EVIDENCE
        && now.outrunsTheLink()) {
      return new Decision.StartPostCopy(
          "the guest writes "
              + mebibytes(now.dirtyBytesPerSecond())
              + " MiB/s, the link brings "
              + mebibytes(now.memoryBytesPerSecond())
              + " MiB/s: pre-copy would never end");
    }
    return new Decision.Continue();
  }

  private static Decision atTheTimeout(
      TransferPolicy policy, Sample now, boolean memoryIsOnItsWay) {
    var late = "not over after " + policy.completionTimeout().toSeconds() + " s";
    if (memoryIsOnItsWay && policy.onTimeout() == OnTimeout.Pause) {
      return new Decision.Pause(late);
    }
    if (memoryIsOnItsWay && policy.onTimeout() == OnTimeout.PostCopy && policy.postCopyPossible()) {
      return new Decision.StartPostCopy(late);
    }
    return new Decision.GiveUp(
        late
            + ": "
            + mebibytes(now.memoryRemainingBytes())
            + " MiB of memory remain, sent at "
            + mebibytes(now.memoryBytesPerSecond())
            + " MiB/s while the guest writes "
            + mebibytes(now.dirtyBytesPerSecond())
            + " MiB/s; give it more bandwidth, a longer downtime, or allow post-copy");
  }

  private static long mebibytes(long bytes) {
    return bytes >> 20;
  }
}
