package dev.drover.node.bandwidth;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What to ask of QEMU so that memory that goes over several connections keeps to its share.
 *
 * <p>QEMU from 8.0 on counts a packet (512 KiB) when its connection has sent it, and looks at the
 * count ten times a second: whatever the cap, each connection may send a packet more in each tenth
 * (docs/reference/performance.md). That excess does not grow with the cap, so as much less is asked
 * for. It is reckoned at first, and what is measured takes its place. Not thread-safe.
 */
public final class MemoryPace {
  /** A packet of 512 KiB ten times a second. */
  private static final double MOST_EXCESS_MEBIBYTES_PER_CONNECTION = 5;

  /** Shorter looks see a part of one of QEMU's tenths. */
  private static final Duration LOOK = Duration.ofSeconds(1);

  private static final int LOOKS_REMEMBERED = 10;
  private static final double MEBIBYTE = 1 << 20;

  private final Deque<Double> excesses = new ArrayDeque<>();
  private int asked;
  private @Nullable Instant since;
  private long bytesThen;

  /**
   * @param connections 1 for one plain stream
   * @param counted QEMU counts a packet before it is sent, as one stream always is
   */
  public MemoryPace(int connections, boolean counted) {
    excesses.add(
        connections > 1 && !counted ? connections * MOST_EXCESS_MEBIBYTES_PER_CONNECTION : 0);
  }

  /**
   * What to ask for, so that no more than {@code share} goes over; at least 1.
   *
   * @param share MiB/s
   */
  public int ask(int share) {
    double excess = excesses.stream().mapToDouble(Double::doubleValue).max().orElse(0);
    int now = (int) Math.max(1, Math.floor(share - excess));
    if (now != asked) {
      asked = now;
      since = null;
    }
    return now;
  }

  /**
   * Learns from what has gone over, while memory is sent at what {@link #ask} has said.
   *
   * @param bytes of memory so far
   */
  public void saw(long bytes, Instant now) {
    if (asked == 0) {
      return;
    }
    var from = since;
    if (from == null) {
      since = now;
      bytesThen = bytes;
      return;
    }
    var time = Duration.between(from, now);
    if (time.compareTo(LOOK) < 0) {
      return;
    }
    double rate = (bytes - bytesThen) / MEBIBYTE * 1000 / time.toMillis();
    since = now;
    bytesThen = bytes;
    if (rate >= asked) { // less says only that there was less to be sent
      excesses.add(rate - asked);
      if (excesses.size() > LOOKS_REMEMBERED) {
        excesses.removeFirst();
      }
    }
  }
}
