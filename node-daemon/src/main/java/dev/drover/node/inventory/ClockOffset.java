package dev.drover.node.inventory;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How far this host's clock is ahead of the API server's, narrowed down by many looks at it. The
 * server tells whole seconds, so one look says it within a second and the time that the answer
 * took; looks at different moments of a second cut that down. Pure, and thread-safe.
 */
final class ClockOffset {
  /** What the server's answer is rounded down to. */
  private static final long SECOND = 1000;

  /** A clock that is disciplined is slewed by at most that much (500 ppm, adjtimex(2)). */
  private static final double DRIFT = 0.0005;

  /** An answer that took longer says too little. */
  private static final Duration SLOW = Duration.ofMillis(500);

  /**
   * @param milliseconds how far this host is ahead; negative: behind
   * @param within how far off that may be, in ms
   */
  record Estimate(long milliseconds, long within) {}

  private record Bounds(double least, double most, Instant at) {}

  private @Nullable Bounds bounds;

  /**
   * The server said {@code said} at some moment between {@code sent} and {@code received} of this
   * host's clock.
   */
  synchronized void saw(Instant sent, Instant received, Instant said) {
    var took = Duration.between(sent, received);
    if (took.isNegative() || took.compareTo(SLOW) > 0) {
      return; // negative: this host's clock was set just now
    }
    double least = (double) Duration.between(said, sent).toMillis() - SECOND;
    double most = (double) Duration.between(said, received).toMillis();
    var before = bounds;
    if (before != null) {
      double drift = DRIFT * (double) Math.abs(Duration.between(before.at(), received).toMillis());
      double both = Math.max(least, before.least() - drift);
      double bothMost = Math.min(most, before.most() + drift);
      if (both <= bothMost) {
        bounds = new Bounds(both, bothMost, received);
        return;
      }
      // One of the two clocks was set, or another server has answered: it begins anew.
    }
    bounds = new Bounds(least, most, received);
  }

  /** Empty before the first look. */
  synchronized Optional<Estimate> estimate() {
    return Optional.ofNullable(bounds)
        .map(
            b ->
                new Estimate(
                    Math.round((b.least() + b.most()) / 2),
                    Math.round((b.most() - b.least()) / 2)));
  }
}
