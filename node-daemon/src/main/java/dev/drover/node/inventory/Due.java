package dev.drover.node.inventory;

import java.time.Duration;
import java.time.Instant;

/**
 * Something that may happen {@code delay} after {@code from}. A clock that was set back makes it
 * due at once rather than hours late.
 */
record Due(Instant from, Duration delay) {

  /** Zero if it is due. */
  Duration remaining(Instant now) {
    var elapsed = Duration.between(from, now);
    return elapsed.isNegative() || elapsed.compareTo(delay) >= 0
        ? Duration.ZERO
        : delay.minus(elapsed);
  }
}
