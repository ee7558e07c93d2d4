package dev.drover.node.forecast;

import java.time.Duration;
import java.util.OptionalLong;

/**
 * How a guest writes to its memory, as one or two samplings have found it. A sampling tells how
 * much was written to at least once while it lasted: short of the working set that grows with time,
 * and stops there. So a short and a long one together tell both the rate and the working set, if
 * the guest gets through it within the long one.
 *
 * @param bytesPerSecond to memory that was not just written to, as far as that was seen
 * @param workingSetBytes what is written to again and again; empty if no bound was found
 * @param atOnce the working set is written to within the short sampling already: how fast can't be
 *     told
 */
public record MemoryWrites(long bytesPerSecond, OptionalLong workingSetBytes, boolean atOnce) {
  /** Shorter samplings are off by half and more (testbed.md B.10); libvirt takes whole seconds. */
  public static final Duration SHORT = Duration.ofSeconds(1);

  public static final Duration LONG = Duration.ofSeconds(3);

  /** Of a guest that stands still, or of which nothing is known. */
  public static final MemoryWrites NONE = new MemoryWrites(0, OptionalLong.empty(), false);

  /** QEMU looks at 512 pages of each GiB (calc-dirty-rate): each stands for that much memory. */
  private static final double SAMPLE_BYTES = 2 << 20;

  /** Fewer pages that were written to are chance. */
  private static final int FEWEST_PAGES = 8;

  /**
   * Standard errors that each sampling may be off by before a bound is believed: a bound that there
   * is none of would promise too much.
   */
  private static final double DOUBT = 1.5;

  /** Without a bound the long sampling finds three times as much as the short one. */
  private static final double BOUNDED_BELOW = 2.5;

  /** What can't be seen to take any time is taken to need that much of a second. */
  private static final int AT_ONCE_PER_SECOND = 10;

  /** Of one sampling; no bound can be seen. */
  public static MemoryWrites of(long bytesPerSecond) {
    return new MemoryWrites(bytesPerSecond, OptionalLong.empty(), false);
  }

  /**
   * @param shortBytes written to within {@link #SHORT}
   * @param longBytes written to within {@link #LONG}
   */
  public static MemoryWrites of(long shortBytes, long longBytes) {
    double less = Math.max(0, (double) shortBytes - DOUBT * error(shortBytes));
    double more = (double) longBytes + DOUBT * error(longBytes);
    long steady = longBytes / LONG.toSeconds();
    if ((double) (shortBytes - longBytes)
        > DOUBT * Math.hypot(error(shortBytes), error(longBytes))) {
      return of(steady); // it has calmed down in between
    }
    if (longBytes < FEWEST_PAGES * SAMPLE_BYTES || more >= BOUNDED_BELOW * less) {
      // The pages that were sampled are too few to tell, or there is no bound.
      return new MemoryWrites(Math.max(shortBytes, steady), OptionalLong.empty(), false);
    }
    boolean atOnce =
        (double) (longBytes - shortBytes) <= Math.hypot(error(shortBytes), error(longBytes));
    return new MemoryWrites(
        Math.max(shortBytes, steady),
        OptionalLong.of(longBytes + Math.round(error(longBytes))),
        atOnce);
  }

  /** As counted things go: the root of their number. */
  private static double error(long bytes) {
    return Math.sqrt((double) bytes / SAMPLE_BYTES) * SAMPLE_BYTES;
  }

  /** What a forecast goes by, for short passes as well as for long ones. */
  long reckonedBytesPerSecond() {
    return atOnce ? workingSetBytes.orElse(0) * AT_ONCE_PER_SECOND : bytesPerSecond;
  }
}
