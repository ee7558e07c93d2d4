package dev.drover.node.convergence;

import java.util.List;

/**
 * How what remains changes from pass to pass: a straight line over time, by least squares.
 * Straight, because a guest that writes evenly shrinks by what the link brings less what it writes.
 *
 * @param bytes where the line is at the last pass
 * @param bytesPerSecond how it goes on; negative if it shrinks
 * @param error the standard error of that
 * @param unsteadiness root mean square of what the passes differ from the line, over their mean
 */
record Trend(double bytes, double bytesPerSecond, double error, double unsteadiness) {
  /** Below that a line has no error to be known. */
  static final int LEAST = 3;

  /**
   * Standard errors by which a guest may shrink faster than it seems. With this many no guest of
   * ComparisonTest that would have moved is given up.
   */
  private static final double DOUBT = 1.5;

  static Trend of(List<Pass> passes) {
    int n = passes.size();
    if (n < LEAST) {
      throw new IllegalArgumentException("too few passes");
    }
    double meanTime = passes.stream().mapToDouble(Trend::time).average().orElseThrow();
    double mean =
        passes.stream().mapToDouble(p -> (double) p.remainingBytes()).average().orElseThrow();
    double together = 0;
    double alone = 0;
    for (Pass pass : passes) {
      double time = time(pass) - meanTime;
      together += time * (pass.remainingBytes() - mean);
      alone += time * time;
    }
    double slope = together / alone;
    double squares = 0;
    for (Pass pass : passes) {
      double off = pass.remainingBytes() - mean - slope * (time(pass) - meanTime);
      squares += off * off;
    }
    return new Trend(
        mean + slope * (time(passes.getLast()) - meanTime),
        slope,
        Math.sqrt(squares / (n - 2) / alone),
        mean == 0 ? 0 : Math.sqrt(squares / n) / mean);
  }

  private static double time(Pass pass) {
    return Outlook.seconds(pass.startedAt());
  }

  /** At best; infinite if it does not shrink at all. */
  double secondsUntil(double fits) {
    double fastest = bytesPerSecond - DOUBT * error;
    if (bytes <= fits) {
      return 0;
    }
    return fastest >= 0 ? Double.POSITIVE_INFINITY : (bytes - fits) / -fastest;
  }
}
