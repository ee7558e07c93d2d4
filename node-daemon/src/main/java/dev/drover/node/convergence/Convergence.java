package dev.drover.node.convergence;

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

  /** {@code history} is in order of time; only its newest samples count. */
  public static Decision decide(TransferPolicy policy, List<Sample> history) {
    if (history.isEmpty()) {
      return new Decision.Continue();
    }
    var now = history.getLast();
    boolean memoryIsOnItsWay = now.iteration() >= 1;
    if (now.elapsed().compareTo(policy.completionTimeout()) >= 0) {
      if (policy.postCopyOnTimeout() && memoryIsOnItsWay) {
        return new Decision.StartPostCopy(
            "not over after " + policy.completionTimeout().toSeconds() + " s");
      }
      return new Decision.GiveUp(
          "not over after "
              + policy.completionTimeout().toSeconds()
              + " s: "
              + mebibytes(now.memoryRemainingBytes())
              + " MiB of memory remain, sent at "
              + mebibytes(now.memoryBytesPerSecond())
              + " MiB/s while the guest writes "
              + mebibytes(now.dirtyBytesPerSecond())
              + " MiB/s; give it more bandwidth, a longer downtime, or allow post-copy");
    }
    if (policy.postCopyAllowed()
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

  private static long mebibytes(long bytes) {
    return bytes >> 20;
  }
}
