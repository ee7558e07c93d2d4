package dev.drover.node;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * The host's time of day, but without its steps while something is being timed: somebody sets a
 * host's clock by an hour, and no transfer has taken an hour for that. Thread-safe.
 *
 * <p>While nothing is timed, it follows the host's clock, so what it says never stays wrong.
 */
final class SteadyClock implements InstantSource {
  /** What may lie between reading the two clocks, and what a clock is slewed by meanwhile. */
  private static final Duration TOLERATED = Duration.ofMillis(100);

  private record Anchor(Instant instant, long nanos) {}

  private final InstantSource host;
  private final LongSupplier nanoTime;
  private volatile Anchor anchor;
  private volatile BooleanSupplier nothingIsTimed = () -> true;

  /**
   * @param nanoTime never steps, as {@link System#nanoTime} (CLOCK_MONOTONIC)
   */
  SteadyClock(InstantSource host, LongSupplier nanoTime) {
    this.host = host;
    this.nanoTime = nanoTime;
    this.anchor = new Anchor(host.instant(), nanoTime.getAsLong());
  }

  /** Steps are followed only while that is so. */
  void followHostWhile(BooleanSupplier nothingIsTimed) {
    this.nothingIsTimed = nothingIsTimed;
  }

  @Override
  public Instant instant() {
    long nanos = nanoTime.getAsLong();
    var from = anchor;
    var steady = from.instant().plusNanos(nanos - from.nanos());
    if (!nothingIsTimed.getAsBoolean()) {
      return steady;
    }
    var now = host.instant();
    if (Duration.between(steady, now).abs().compareTo(TOLERATED) <= 0) {
      return steady;
    }
    anchor = new Anchor(now, nanos);
    return now;
  }
}
