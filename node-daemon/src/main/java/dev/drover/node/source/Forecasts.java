package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Forecast.Confidence;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.node.forecast.Forecast;
import dev.drover.node.forecast.MemoryWrites;
import dev.drover.node.forecast.Prospect;
import dev.drover.node.forecast.Stop;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.ReportQueue.Urgency;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.LoggerFactory;

/**
 * What is expected of a transfer. A dry run samples the guest's writes twice, and comes back when
 * that is over. A migration waits for nothing: it goes by what a dry run found here within the last
 * hour, or by one short sampling that begins when the guest is inspected and may end when the
 * transfer has begun already. Not called concurrently for one migration.
 */
final class Forecasts {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(Forecasts.class));
  private static final Duration KNOWN_FOR = Duration.ofHours(1);

  /** 1 Gbit/s, of which some goes to headers. */
  private static final long ASSUMED_BYTES_PER_SECOND = 110L << 20;

  /** Until a transfer has shown it: the target's emulator starts, and the ends are told. */
  private static final Duration ASSUMED_BESIDE = Duration.ofSeconds(1);

  private static final Duration MOST_BESIDE = Duration.ofSeconds(10);

  private final Hypervisor hypervisor;
  private final InstantSource clock;
  private final Map<String, WriteSampler> samplers = new ConcurrentHashMap<>();
  private final Map<UUID, Known> known = new ConcurrentHashMap<>();
  private final AtomicLong measuredBytesPerSecond = new AtomicLong();
  private final AtomicLong besideMilliseconds = new AtomicLong(ASSUMED_BESIDE.toMillis());

  /** What a dry run has found. */
  private record Known(MemoryWrites writes, Instant at) {}

  Forecasts(Hypervisor hypervisor, InstantSource clock) {
    this.hypervisor = hypervisor;
    this.clock = clock;
  }

  /**
   * A transfer from here is over: what it brought without a cap, the next one will bring, too; and
   * what it took beside sending with one.
   */
  void learn(LiveMigration migration, Result result) {
    Long bytes = result.transferredBytes();
    Long milliseconds = result.totalMilliseconds();
    Integer cap = migration.getSpec().bandwidthMiBps();
    if (bytes == null || milliseconds == null || milliseconds <= 0) {
      return;
    }
    if (cap == null) {
      long sending = Math.max(milliseconds / 2, milliseconds - besideMilliseconds.get());
      measuredBytesPerSecond.set(Math.max(1, bytes * 1000 / Math.max(1, sending)));
    } else if (migration
        .getStatus()
        .currentTarget()
        .map(TargetReport::copies)
        .orElse(List.of())
        .isEmpty()) {
      // A mirror does not use all of its cap, so a transfer with disks would say too much.
      long beside = milliseconds - bytes * 1000 / ((long) cap << 20);
      besideMilliseconds.updateAndGet(
          before -> (before + Math.clamp(beside, 0, MOST_BESIDE.toMillis())) / 2);
    }
  }

  /**
   * In a dry run: one step further, until there is a forecast, or none can be had.
   *
   * @return when to come again
   */
  Optional<Duration> advance(
      LiveMigration migration, UUID uuid, SourceReport own, SourceReports.Voice voice) {
    var guest = own.guest();
    if (guest == null || voice.forecast().isPresent() || !own.blockersOrEmpty().isEmpty()) {
      return Optional.empty();
    }
    try {
      if (guest.paused()) {
        long resident = hypervisor.memoryUse(uuid).residentBytes();
        tell(migration, guest, resident, MemoryWrites.NONE, voice);
        return Optional.empty();
      }
      var sampler =
          samplers.computeIfAbsent(
              migration.getMetadata().getUid(),
              _ -> new WriteSampler(hypervisor, clock, uuid, true));
      return switch (sampler.step()) {
        case WriteSampler.Step.Running(var comeAgain) -> Optional.of(comeAgain);
        case WriteSampler.Step.GivenUp() -> Optional.empty();
        case WriteSampler.Step.Found(var writes) -> {
          remember(uuid, writes);
          tell(migration, guest, sampler.residentBytes(), writes, voice);
          yield Optional.empty();
        }
      };
    } catch (HypervisorException e) {
      note(migration, e);
      return Optional.empty();
    }
  }

  private void tell(
      LiveMigration migration,
      Guest guest,
      long resident,
      MemoryWrites writes,
      SourceReports.Voice voice) {
    voice.expects(forecast(migration, guest, resident, writes), Urgency.Now);
  }

  /** A migration will follow: begins to sample, if nothing is known. Costs two calls of libvirt. */
  void prepare(LiveMigration migration, UUID uuid, Guest guest) {
    if (guest.paused()) {
      return;
    }
    var sampler = new WriteSampler(hypervisor, clock, uuid, false);
    samplers.put(migration.getMetadata().getUid(), sampler);
    try {
      var unused = sampler.step();
    } catch (HypervisorException e) {
      note(migration, e);
    }
  }

  /** Of a transfer that begins now. */
  Expectation expectation(
      LiveMigration migration, UUID uuid, Guest guest, SourceReports.Voice voice) {
    var sampler = samplers.remove(migration.getMetadata().getUid());
    long resident = sampler == null ? 0 : sampler.residentBytes();
    Optional<MemoryWrites> before = recall(uuid);
    if (guest.paused() || before.isPresent() || sampler == null) {
      var writes = before.orElse(MemoryWrites.NONE);
      boolean unknown = sampler == null && before.isEmpty() && !guest.paused();
      Optional<LiveMigrationStatus.Forecast> forecast =
          unknown
              ? Optional.empty() // an earlier process has inspected it
              : Optional.of(forecast(migration, guest, resident, writes));
      return new Expectation(voice, () -> forecast, () -> forecast);
    }
    return new Expectation(
        voice,
        () -> sampled(migration, guest, sampler),
        () -> Optional.of(forecast(migration, guest, sampler.residentBytes(), MemoryWrites.NONE)));
  }

  private Optional<LiveMigrationStatus.Forecast> sampled(
      LiveMigration migration, Guest guest, WriteSampler sampler) {
    try {
      return switch (sampler.step()) {
        case WriteSampler.Step.Running _ -> Optional.empty();
        case WriteSampler.Step.GivenUp() ->
            Optional.of(forecast(migration, guest, sampler.residentBytes(), MemoryWrites.NONE));
        case WriteSampler.Step.Found(var writes) ->
            Optional.of(forecast(migration, guest, sampler.residentBytes(), writes));
      };
    } catch (HypervisorException e) {
      return Optional.empty(); // it is asked again, as long as the transfer runs
    }
  }

  private void remember(UUID uuid, MemoryWrites writes) {
    var now = clock.instant();
    known.values().removeIf(k -> k.at().plus(KNOWN_FOR).isBefore(now));
    known.put(uuid, new Known(writes, now));
  }

  private Optional<MemoryWrites> recall(UUID uuid) {
    return Optional.ofNullable(known.get(uuid))
        .filter(k -> k.at().plus(KNOWN_FOR).isAfter(clock.instant()))
        .map(Known::writes);
  }

  void forget(String uid) {
    samplers.remove(uid);
  }

  private static void note(LiveMigration migration, HypervisorException e) {
    LOG.info(MigrationRef.of(migration))
        .addKeyValue("error", e.getMessage())
        .log("The dirty rate could not be sampled");
  }

  private LiveMigrationStatus.Forecast forecast(
      LiveMigration migration, Guest guest, long resident, MemoryWrites writes) {
    var spec = migration.getSpec();
    Integer cap = spec.bandwidthMiBps();
    long measured = measuredBytesPerSecond.get();
    long link = measured > 0 ? measured : ASSUMED_BYTES_PER_SECOND;
    long rate = cap == null ? link : (long) cap << 20;
    long memory = resident > 0 ? Math.min(resident, guest.memoryBytes()) : guest.memoryBytes();
    OptionalLong workingSet = writes.workingSetBytes();
    var forecast =
        Forecast.of(
            Prospect.of(
                diskBytes(migration, guest),
                memory,
                writes,
                rate,
                Stop.of(Tuning.of(migration).policy(false), Math.max(rate, link)),
                Duration.ofSeconds(spec.completionTimeoutSecondsOrDefault()),
                Duration.ofMillis(besideMilliseconds.get())));
    return new LiveMigrationStatus.Forecast(
        Math.max(1, Math.round((double) forecast.duration().toMillis() / 1000)),
        forecast.bytes(),
        forecast.downtime().toMillis(),
        forecast.converges(),
        cap != null ? Confidence.Medium : measured > 0 ? Confidence.High : Confidence.Low,
        writes.bytesPerSecond() >> 20,
        rate >> 20,
        workingSet.isPresent() ? workingSet.getAsLong() >> 20 : null);
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
