package dev.drover.node.backing;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** How long something may be waited for, from when it was first missed. Thread-safe. */
public final class Patience {
  private final Duration limit;
  private final InstantSource clock;
  private final Map<String, Instant> missedSince = new ConcurrentHashMap<>();

  public Patience(Duration limit, InstantSource clock) {
    this.limit = limit;
    this.clock = clock;
  }

  /** Whether {@code what} may be waited for a little longer. */
  public boolean has(String what) {
    var now = clock.instant();
    return missedSince.computeIfAbsent(what, _ -> now).plus(limit).isAfter(now);
  }

  public void forget(String what) {
    missedSince.remove(what);
  }
}
