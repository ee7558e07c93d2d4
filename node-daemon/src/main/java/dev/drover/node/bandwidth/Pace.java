package dev.drover.node.bandwidth;

import java.time.Duration;
import java.time.Instant;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Holds a cap by waiting: whoever sends asks how long to wait after each piece. Idle time is made
 * up for by {@link #BURST} at most. Not thread-safe.
 */
public final class Pace {
  static final Duration BURST = Duration.ofMillis(100);

  private static final double MEBIBYTE = 1 << 20;

  private @Nullable Instant paidUntil;

  /** How long to wait now that so many bytes have been sent; the cap may be another each time. */
  public Duration after(long bytes, OptionalInt mebibytesPerSecond, Instant now) {
    if (mebibytesPerSecond.isEmpty()) {
      paidUntil = null;
      return Duration.ZERO;
    }
    Instant earliest = now.minus(BURST);
    Instant from = paidUntil == null || paidUntil.isBefore(earliest) ? earliest : paidUntil;
    Instant until =
        from.plusNanos((long) (bytes * 1e9 / (mebibytesPerSecond.getAsInt() * MEBIBYTE)));
    paidUntil = until;
    Duration wait = Duration.between(now, until);
    return wait.isNegative() ? Duration.ZERO : wait;
  }
}
