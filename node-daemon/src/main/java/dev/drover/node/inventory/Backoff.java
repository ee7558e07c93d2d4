package dev.drover.node.inventory;

import java.time.Duration;

/** Waiting times that double from {@code first} to {@code longest}. */
record Backoff(Duration first, Duration longest) {

  /** Before the next try, after that many failures in a row (at least one). */
  Duration after(int failures) {
    int doublings = Math.clamp(failures - 1, 0, 20);
    var wait = first.multipliedBy(1L << doublings);
    return wait.compareTo(longest) < 0 ? wait : longest;
  }
}
