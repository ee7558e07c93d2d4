package dev.drover.node.cold;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Progress;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * How far the disks are. Only what the target has confirmed counts: a daemon that comes back goes
 * on from there.
 */
final class ColdProgress {
  private static final long MEBIBYTE = 1 << 20;

  /** Below 100 until the guest has moved. */
  private static final int ALMOST = 99;

  private final long totalBytes;
  private final Instant startedAt;
  private final Instant copyingSince;
  private final long confirmedBefore;
  private long confirmed;
  private long sent;

  ColdProgress(long totalBytes, long confirmedBefore, Instant startedAt, Instant copyingSince) {
    this.totalBytes = totalBytes;
    this.confirmedBefore = confirmedBefore;
    this.confirmed = confirmedBefore;
    this.startedAt = startedAt;
    this.copyingSince = copyingSince;
  }

  /** So many more bytes are there, so many of them went over the wire. */
  void confirmed(long bytes, long ofThemSent) {
    confirmed += bytes;
    sent += ofThemSent;
  }

  /** Bytes that went over the wire in this life of the daemon. */
  long sentBytes() {
    return sent;
  }

  Progress at(Instant now) {
    int percent =
        totalBytes == 0
            ? ALMOST
            : (int) Math.min(ALMOST, 100 * Math.min(confirmed, totalBytes) / totalBytes);
    return progress(percent, Math.max(0, totalBytes - confirmed), eta(now), now);
  }

  /** All of it is over. */
  Progress finished(Instant now) {
    return progress(100, 0, 0L, now);
  }

  private Progress progress(int percent, long remaining, @Nullable Long eta, Instant now) {
    long copying = Math.max(1, Duration.between(copyingSince, now).toMillis());
    return new Progress(
        percent,
        0,
        0,
        0,
        0,
        totalBytes,
        confirmed,
        remaining,
        (int) Math.min(Integer.MAX_VALUE, sent * 1000 / copying / MEBIBYTE),
        0,
        null,
        eta,
        Math.max(0, Duration.between(startedAt, now).toMillis()),
        now.truncatedTo(ChronoUnit.SECONDS).toString());
  }

  /** By what was done since the copying began; holes are done at once, so it may be too long. */
  private @Nullable Long eta(Instant now) {
    long done = confirmed - confirmedBefore;
    long millis = Duration.between(copyingSince, now).toMillis();
    return done <= 0 || millis <= 0
        ? null
        : Long.valueOf((long) Math.ceil((totalBytes - confirmed) * (millis / 1000.0) / done));
  }
}
