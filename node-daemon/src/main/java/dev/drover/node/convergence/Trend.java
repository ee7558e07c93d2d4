package dev.drover.node.convergence;

import java.util.List;

/**
 * How much a pass leaves behind, from how much it had to send: {@code next = base + factor * now},
 * fitted to the passes by least squares. A guest that writes evenly has a base of 0 and its dirty
 * rate over the link's as factor; one that writes the same pages again and again has a base of
 * their size and a factor of 0; those between have both.
 *
 * @param unsteadiness root mean square of what the passes differ from it, over their mean
 */
record Trend(double base, double factor, double unsteadiness) {

  /** Two passes and what they left behind. */
  static final int LEAST = 3;

  static Trend of(List<Pass> passes) {
    if (passes.size() < LEAST) {
      throw new IllegalArgumentException("too few passes");
    }
    int pairs = passes.size() - 1;
    double meanNow = 0;
    double meanNext = 0;
    for (int i = 0; i < pairs; i++) {
      meanNow += (double) passes.get(i).remainingBytes() / pairs;
      meanNext += (double) passes.get(i + 1).remainingBytes() / pairs;
    }
    double together = 0;
    double alone = 0;
    for (int i = 0; i < pairs; i++) {
      double now = passes.get(i).remainingBytes() - meanNow;
      together += now * (passes.get(i + 1).remainingBytes() - meanNext);
      alone += now * now;
    }
    // Of passes that are all alike nothing can be told but that the next one will be, too. A guest
    // never leaves behind less for having had more time, so a negative factor is noise.
    double factor = alone < meanNow * meanNow * 1e-6 ? 0 : Math.max(0, together / alone);
    double base = meanNext - factor * meanNow;
    double squares = 0;
    for (int i = 0; i < pairs; i++) {
      double error =
          passes.get(i + 1).remainingBytes() - base - factor * passes.get(i).remainingBytes();
      squares += error * error;
    }
    return new Trend(base, factor, meanNext == 0 ? 0 : Math.sqrt(squares / pairs) / meanNext);
  }

  /**
   * Seconds until no more than {@code fits} remain, sent at {@code bytesPerSecond}, if each pass
   * goes better than this trend by {@code luck} bytes; infinite if that is not within {@code
   * patience} seconds.
   */
  double secondsUntil(
      double fits, double remaining, double bytesPerSecond, double luck, double patience) {
    double seconds = 0;
    double left = remaining;
    while (left > fits) {
      if (seconds > patience || bytesPerSecond <= 0) {
        return Double.POSITIVE_INFINITY;
      }
      double next = Math.max(0, base - luck + factor * left);
      if (next >= left) {
        return Double.POSITIVE_INFINITY;
      }
      seconds += left / bytesPerSecond;
      left = next;
    }
    return seconds;
  }
}
