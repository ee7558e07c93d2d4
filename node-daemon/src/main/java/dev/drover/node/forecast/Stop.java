package dev.drover.node.forecast;

import dev.drover.node.convergence.Convergence;
import dev.drover.node.convergence.TransferPolicy;
import java.time.Duration;

/**
 * When a guest is stopped for the rest, and what that takes.
 *
 * @param first what the rest may take at first, at the rate of the way
 * @param longest what it may take at most
 * @param bytesPerSecond of the way while the guest stands still: QEMU keeps to no cap then
 * @param beside what a stop takes beside sending
 */
public record Stop(Duration first, Duration longest, long bytesPerSecond, Duration beside) {
  public Stop {
    if (bytesPerSecond <= 0) {
      throw new IllegalArgumentException("nothing arrives at " + bytesPerSecond + " bytes/s");
    }
  }

  /** As a transfer is steered. */
  public static Stop of(TransferPolicy policy, long bytesPerSecond) {
    return new Stop(
        Convergence.firstDowntime(policy),
        Convergence.longestDowntime(policy),
        bytesPerSecond,
        Convergence.stopTakes(policy));
  }

  /** At the first moment at which the rest takes no longer than that. */
  static Stop within(Duration longest, long bytesPerSecond) {
    return new Stop(longest, longest, bytesPerSecond, Duration.ZERO);
  }
}
