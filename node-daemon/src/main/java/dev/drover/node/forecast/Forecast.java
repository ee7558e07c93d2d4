package dev.drover.node.forecast;

import java.time.Duration;

/**
 * Pre-copy, reckoned instead of run: disks, then all of memory, then again and again what was
 * written to meanwhile. Each pass leaves behind what the guest writes while it lasts, and never
 * more than it writes to at all. It converges if a pass leaves so little behind that the rest goes
 * over within the longest downtime, before the time is up.
 *
 * @param duration until the guest runs at the target; if it does not converge, until that is clear
 *     or the time is up
 * @param bytes that are sent by then
 * @param downtime how long the guest would stand still for what is left then
 */
public record Forecast(Duration duration, long bytes, Duration downtime, boolean converges) {
  /** Passes that shrink by less than that don't lead anywhere. */
  private static final double SHRINKS = 0.999;

  public static Forecast of(Prospect prospect) {
    double rate = (double) prospect.bytesPerSecond();
    double dirty = (double) prospect.dirtyBytesPerSecond();
    double writable = (double) prospect.writableBytes();
    double mayStand = seconds(prospect.maxDowntime());
    double deadline = seconds(prospect.completionTimeout());
    double elapsed = (double) prospect.diskBytes() / rate;
    double sent = (double) prospect.diskBytes();
    double remaining = (double) prospect.memoryBytes();
    while (remaining / rate > mayStand) {
      double pass = remaining / rate;
      double left = Math.min(dirty * pass, writable);
      elapsed += pass;
      sent += remaining;
      boolean shrinks = left < remaining * SHRINKS;
      remaining = Math.min(left, remaining);
      if (!shrinks || elapsed > deadline) {
        break;
      }
    }
    double downtime = remaining / rate;
    boolean converges = downtime <= mayStand && elapsed + downtime <= deadline;
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
