package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Forecast.Confidence;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.node.forecast.Forecast;
import dev.drover.node.forecast.Prospect;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.MemoryUse;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.MigrationRef;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.LoggerFactory;

/**
 * What a dry run expects of the transfer: begins to sample the guest's dirty rate, comes back when
 * that is over, and reckons. Nothing waits in between. Not called concurrently for one migration.
 */
final class Forecasts {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(Forecasts.class));

  /** Shorter samplings are off by half and more (testbed.md B.10). */
  private static final Duration PERIOD = Duration.ofSeconds(3);

  private static final Duration LOOK_AGAIN = Duration.ofMillis(200);
  private static final Duration GIVE_UP_AFTER = Duration.ofSeconds(8);

  /** 1 Gbit/s, of which some goes to headers. */
  private static final long ASSUMED_BYTES_PER_SECOND = 110L << 20;

  private final Hypervisor hypervisor;
  private final InstantSource clock;
  private final Map<String, Instant> begun = new ConcurrentHashMap<>();
  private final AtomicLong measuredBytesPerSecond = new AtomicLong();

  Forecasts(Hypervisor hypervisor, InstantSource clock) {
    this.hypervisor = hypervisor;
    this.clock = clock;
  }

  /** A transfer from here is over: what it brought without a cap, the next one will bring, too. */
  void learn(LiveMigration migration, Result result) {
    Long bytes = result.transferredBytes();
    Long milliseconds = result.totalMilliseconds();
    if (migration.getSpec().bandwidthMiBps() == null
        && bytes != null
        && milliseconds != null
        && milliseconds > 0) {
      measuredBytesPerSecond.set(Math.max(1, bytes * 1000 / milliseconds));
    }
  }

  /**
   * One step further, until there is a forecast, or none can be had.
   *
   * @return when to come again
   */
  Optional<Duration> advance(
      LiveMigration migration, UUID uuid, SourceReport own, SourceReports.Voice voice) {
    var guest = own.guest();
    var uid = migration.getMetadata().getUid();
    if (guest == null || voice.hasForecast()) {
      return Optional.empty();
    }
    var now = clock.instant();
    var since = begun.get(uid);
    try {
      if (since == null) {
        begun.put(uid, now);
        if (!guest.paused() && own.blockersOrEmpty().isEmpty()) {
          hypervisor.startDirtyRate(uuid, PERIOD);
          return Optional.of(PERIOD);
        }
      } else if (since.plus(GIVE_UP_AFTER).isBefore(now)) {
        return Optional.empty();
      }
      var use = hypervisor.memoryUse(uuid);
      boolean idle = guest.paused();
      if (use.dirtyBytesPerSecond().isEmpty() && !idle) {
        return own.blockersOrEmpty().isEmpty() ? Optional.of(LOOK_AGAIN) : Optional.empty();
      }
      voice.expects(
          forecast(migration, guest, use, idle ? 0 : use.dirtyBytesPerSecond().orElse(0)));
      return Optional.empty();
    } catch (HypervisorException e) {
      LOG.info(MigrationRef.of(migration))
          .addKeyValue("error", e.getMessage())
          .log("The dirty rate could not be sampled; there is no forecast");
      return Optional.empty();
    }
  }

  void forget(String uid) {
    begun.remove(uid);
  }

  private LiveMigrationStatus.Forecast forecast(
      LiveMigration migration, Guest guest, MemoryUse use, long dirtyBytesPerSecond) {
    var spec = migration.getSpec();
    Integer cap = spec.bandwidthMiBps();
    long measured = measuredBytesPerSecond.get();
    long link = measured > 0 ? measured : ASSUMED_BYTES_PER_SECOND;
    long rate = cap == null ? link : (long) cap << 20;
    long resident = use.residentBytes();
    long memory = resident > 0 ? Math.min(resident, guest.memoryBytes()) : guest.memoryBytes();
    var forecast =
        Forecast.of(
            new Prospect(
                diskBytes(migration, guest),
                memory,
                dirtyBytesPerSecond,
                memory,
                rate,
                Duration.ofMillis(spec.maxDowntimeMillisecondsOrDefault()),
                Duration.ofSeconds(spec.completionTimeoutSecondsOrDefault())));
    return new LiveMigrationStatus.Forecast(
        (forecast.duration().toMillis() + 999) / 1000,
        forecast.bytes(),
        forecast.downtime().toMillis(),
        forecast.converges(),
        cap != null ? Confidence.Medium : measured > 0 ? Confidence.High : Confidence.Low,
        dirtyBytesPerSecond >> 20,
        rate >> 20);
  }

  /** By the plan of the host that is asked; without one, all that may have to be copied. */
  private static long diskBytes(LiveMigration migration, Guest guest) {
    var copies = migration.getStatus().currentTarget().map(TargetReport::copies);
    if (copies.isEmpty()) {
      return guest.disks().stream()
          .filter(d -> d.kind() == SourceReport.Disk.Kind.File)
          .mapToLong(d -> d.copyBytes(false))
          .sum();
    }
    return copies.get().stream()
        .flatMapToLong(
            copy ->
                guest.disks().stream()
                    .filter(d -> d.target().equals(copy.target()))
                    .mapToLong(d -> d.copyBytes(copy.base() != null)))
        .sum();
  }
}
