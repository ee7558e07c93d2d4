package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Progress;
import dev.drover.node.hypervisor.JobStatistics;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Turns libvirt's statistics into what people want to know. Thread-safe. */
final class ProgressMeter {
  private static final long MEBIBYTE = 1 << 20;
  private static final Duration WINDOW = Duration.ofSeconds(2);

  /** Below 100 until the guest has moved. */
  private static final int ALMOST = 99;

  private final long guestMemoryBytes;
  private @Nullable Instant windowStart;
  private long windowBytes;
  private long bytesPerSecond;
  private int percent;
  private long leastRemaining = Long.MAX_VALUE;

  ProgressMeter(long guestMemoryBytes) {
    this.guestMemoryBytes = guestMemoryBytes;
  }

  synchronized Progress read(JobStatistics job, Instant now) {
    measureThroughput(job, now);
    long memoryTotal = job.memoryTotalBytes() == 0 ? guestMemoryBytes : job.memoryTotalBytes();
    long memoryRemaining =
        job.memoryTotalBytes() == 0 ? guestMemoryBytes : job.memoryRemainingBytes();
    long total = memoryTotal + job.diskTotalBytes();
    long remaining = memoryRemaining + job.diskRemainingBytes();
    leastRemaining = Math.min(leastRemaining, remaining);
    if (total > 0) {
      int reached = (int) (100 - 100 * Math.min(leastRemaining, total) / total);
      percent = Math.max(percent, Math.min(ALMOST, reached));
    }
    return new Progress(
        percent,
        job.iteration(),
        memoryTotal,
        job.memoryProcessedBytes(),
        memoryRemaining,
        job.diskTotalBytes(),
        job.diskProcessedBytes(),
        job.diskRemainingBytes(),
        mebibytes(bytesPerSecond),
        mebibytes(job.dirtyRateBytesPerSecond()),
        boxed(job.throttlePercent()),
        etaSeconds(remaining, job.dirtyRateBytesPerSecond()),
        job.elapsedMilliseconds(),
        now.truncatedTo(ChronoUnit.SECONDS).toString());
  }

  /** The last word: all of it is over. */
  synchronized Progress finished(JobStatistics job, Instant now) {
    var last = read(job, now);
    return new Progress(
        100,
        last.iteration(),
        last.memoryTotalBytes(),
        last.memoryProcessedBytes(),
        0,
        last.diskTotalBytes(),
        last.diskProcessedBytes(),
        0,
        last.throughputMiBps(),
        last.dirtyRateMiBps(),
        last.throttlePercent(),
        0L,
        last.elapsedMilliseconds(),
        last.updatedAt());
  }

  private void measureThroughput(JobStatistics job, Instant now) {
    long bytes = job.memoryProcessedBytes() + job.diskProcessedBytes();
    if (windowStart == null) {
      windowStart = now;
      windowBytes = bytes;
      bytesPerSecond = job.memoryBytesPerSecond() + job.diskBytesPerSecond();
      return;
    }
    var window = Duration.between(windowStart, now);
    if (window.compareTo(WINDOW) >= 0) {
      bytesPerSecond = Math.max(0, bytes - windowBytes) * 1000 / window.toMillis();
      windowStart = now;
      windowBytes = bytes;
    } else if (bytesPerSecond == 0 && window.toMillis() > 0) {
      bytesPerSecond = Math.max(0, bytes - windowBytes) * 1000 / window.toMillis();
    }
  }

  /** Remaining bytes shrink at the rate of sending less the rate of being made dirty again. */
  private @Nullable Long etaSeconds(long remaining, long dirtyBytesPerSecond) {
    long net = bytesPerSecond - dirtyBytesPerSecond;
    return net <= 0 ? null : Long.valueOf((remaining + net - 1) / net);
  }

  private static int mebibytes(long bytes) {
    return (int) Math.min(Integer.MAX_VALUE, (bytes + MEBIBYTE / 2) / MEBIBYTE);
  }

  private static @Nullable Integer boxed(OptionalLong value) {
    return value.isPresent() ? Integer.valueOf((int) value.getAsLong()) : null;
  }
}
