package dev.drover.node.forecast;

import java.time.Duration;

/**
 * Pre-copy, reckoned instead of run: disks, then all of memory, then again and again what was
 * written to meanwhile. Each pass leaves behind what the guest writes while it lasts, and never
 * more than it writes to at all. The guest is stopped as the transfer is steered
 * (docs/reference/convergence.md): within a short downtime if the passes shrink fast, within the
 * longest if they don't, or if another pass would not be worth it.
 *
 * @param duration until the guest runs at the target; if it does not converge, until that is clear
 *     or the time is up
 * @param bytes that are sent by then
 * @param downtime how long the guest would stand still for what is left then
 * @param converges whether what is left goes over within the longest downtime, before the time is
 *     up
 */
public record Forecast(Duration duration, long bytes, Duration downtime, boolean converges) {
  /** Passes that shrink by less than that don't lead anywhere. */
  private static final double SHRINKS = 0.999;

  /** From here on a pass hardly brings it forward, and the longest downtime is allowed. */
  private static final double HARDLY = 0.6;

  /** A longer stop has to save that much of the time that it has taken so far. */
  private static final double WORTHWHILE = 0.01;

  public static Forecast of(Prospect prospect) {
    double rate = (double) prospect.bytesPerSecond();
    double dirty = (double) prospect.dirtyBytesPerSecond();
    double writable = (double) prospect.writableBytes();
    double longest = seconds(prospect.stop().longest());
    double deadline = seconds(prospect.completionTimeout());
    double allowed = Math.min(longest, seconds(prospect.stop().first()));
    double elapsed = seconds(prospect.beside()) + (double) prospect.diskBytes() / rate;
    double sent = (double) prospect.diskBytes();
    double remaining = (double) prospect.memoryBytes();
    while (remaining / rate > allowed) {
      double pass = remaining / rate;
      if (pass <= longest && pass > WORTHWHILE * elapsed) {
        break;
      }
      double left = Math.min(dirty * pass, writable);
      elapsed += pass;
      sent += remaining;
      boolean shrinks = left < remaining * SHRINKS;
      if (left >= remaining * HARDLY) {
        allowed = longest;
      }
      remaining = Math.min(left, remaining);
      if (!shrinks || elapsed > deadline) {
        break;
      }
    }
    double downtime =
        remaining / (double) prospect.stop().bytesPerSecond() + seconds(prospect.stop().beside());
    boolean converges = remaining / rate <= longest && elapsed + downtime <= deadline;
    double duration = converges ? elapsed + downtime : Math.min(elapsed, deadline);
    return new Forecast(
        duration(duration),
        Math.round(converges ? sent + remaining : sent),
        duration(downtime),
        converges);
  }

  private static double seconds(Duration duration) {
    return duration.toNanos() / 1e9;
  }

  private static Duration duration(double seconds) {
    return Duration.ofMillis(Math.round(seconds * 1000));
  }
}
