package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Progress;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.cold.ColdLimits;
import dev.drover.node.cold.ColdOrder;
import dev.drover.node.cold.ColdOrder.DiskFile;
import dev.drover.node.cold.ColdRun;
import dev.drover.node.cold.ColdVoice;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.StatusApplier.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The cold migrations that this process carries out. */
final class ColdSource {
  private static final Duration LOOK_AGAIN_SOON = Duration.ofMillis(50);
  private static final Duration LOOK_AGAIN_AFTER = Duration.ofSeconds(1);

  private final Hypervisor hypervisor;
  private final PeerDirectory peers;
  private final InstantSource clock;
  private final SourceReports reports;
  private final Map<String, Running> runs = new ConcurrentHashMap<>();
  private final Map<UUID, ColdRun> runsByDomain = new ConcurrentHashMap<>();

  private static final class Running {
    final ColdRun run;
    final SourceReports.Voice voice;
    long generation;

    Running(ColdRun run, SourceReports.Voice voice, long generation) {
      this.run = run;
      this.voice = voice;
      this.generation = generation;
    }
  }

  ColdSource(
      Hypervisor hypervisor, PeerDirectory peers, InstantSource clock, SourceReports reports) {
    this.hypervisor = hypervisor;
    this.peers = peers;
    this.clock = clock;
    this.reports = reports;
  }

  int transfers() {
    return runs.size();
  }

  /**
   * Begins it, goes on with it, or passes on what is new.
   *
   * @return when to try again, if the target's address could not be learned
   */
  Optional<Duration> transfer(LiveMigration migration, UUID uuid, Optional<SourceReport> own) {
    var running = runs.get(SourceRole.key(migration));
    if (running != null) {
      retune(running, migration);
      return Optional.empty();
    }
    return own.isEmpty() ? Optional.empty() : begin(migration, uuid, own.get());
  }

  private static void retune(Running running, LiveMigration migration) {
    long generation = Objects.requireNonNullElse(migration.getMetadata().getGeneration(), 0L);
    running.run.retune(limits(migration));
    if (running.generation != generation) {
      running.generation = generation;
      running.voice.tuned(generation, List.of());
    }
    migration
        .getStatus()
        .currentTarget()
        .map(TargetReport::digests)
        .ifPresent(running.run::onDigests);
  }

  /** Ends it; also one of an earlier life, which is gone on with for that. */
  Optional<Duration> stop(
      LiveMigration migration, UUID uuid, SourceReport own, Reason reason, String message) {
    var key = SourceRole.key(migration);
    Optional<Duration> retry =
        runs.containsKey(key) ? Optional.empty() : begin(migration, uuid, own);
    var running = runs.get(key);
    if (running != null) {
      running.run.requestStop(reason, message);
    }
    return retry;
  }

  void onDomainEvent(UUID uuid, DomainEvent event) {
    var run = runsByDomain.get(uuid);
    if (run != null) {
      run.onDomainEvent(event);
    }
  }

  private Optional<Duration> begin(LiveMigration migration, UUID uuid, SourceReport own) {
    boolean fresh = own.state() == State.Inspected;
    boolean begun = own.state() == State.Transferring || own.state() == State.HandOverPending;
    var status = migration.getStatus();
    var target = status.targetNode();
    var guest = own.guest();
    var cold = own.cold();
    if (!(fresh || begun) || target == null || guest == null || cold == null) {
      return Optional.empty();
    }
    var address = peers.addressOf(target);
    if (address.isEmpty()) {
      return Optional.of(LOOK_AGAIN_AFTER);
    }
    if (runs.values().stream().anyMatch(running -> running.run == runsByDomain.get(uuid))) {
      return Optional.of(LOOK_AGAIN_SOON); // the attempt before is over, but for its thread
    }
    var key = SourceRole.key(migration);
    var voice = reports.of(migration);
    var run =
        new ColdRun(
            new ColdOrder(
                uuid,
                target,
                address.get(),
                peers.bridgesOf(target),
                TransferOrder.pins(guest, status.currentTarget()),
                files(guest, status.currentTarget()),
                Duration.ofSeconds(migration.getSpec().shutdownTimeoutSecondsOrDefault())),
            limits(migration),
            cold,
            fresh ? null : Instant.parse(own.since()),
            fresh ? null : status.progress(),
            new Speaking(voice, guest),
            hypervisor,
            clock);
    var running =
        new Running(
            run, voice, Objects.requireNonNullElse(migration.getMetadata().getGeneration(), 0L));
    status.currentTarget().map(TargetReport::digests).ifPresent(run::onDigests);
    runs.put(key, running);
    var earlier = runsByDomain.put(uuid, run);
    if (earlier != null) {
      earlier.dismiss();
    }
    Thread.ofPlatform()
        .name("cold-" + uuid)
        .daemon(true)
        .start(
            () -> {
              try {
                run.run();
              } finally {
                runs.remove(key, running);
              }
              try {
                run.watchOver();
              } finally {
                runsByDomain.remove(uuid, run);
              }
            });
    return Optional.empty();
  }

  private static ColdLimits limits(LiveMigration migration) {
    var spec = migration.getSpec();
    var cap = spec.bandwidthMiBps();
    return new ColdLimits(
        cap == null ? OptionalInt.empty() : OptionalInt.of(cap),
        Duration.ofSeconds(spec.completionTimeoutSecondsOrDefault()));
  }

  private static List<DiskFile> files(Guest guest, Optional<TargetReport> target) {
    List<DiskFile> files = new ArrayList<>();
    for (DiskPlan copy : target.map(TargetReport::copies).orElse(List.of())) {
      for (SourceReport.Disk disk :
          Objects.requireNonNullElse(guest.disks(), List.<SourceReport.Disk>of())) {
        String pool = disk.pool();
        String volume = disk.volume();
        if (disk.target().equals(copy.target()) && pool != null && volume != null) {
          files.add(
              new DiskFile(
                  disk.target(),
                  pool,
                  volume,
                  Objects.requireNonNull(copy.pool()),
                  Objects.requireNonNull(copy.volume())));
        }
      }
    }
    return files;
  }

  /** Speaks as this migration's source. */
  private record Speaking(SourceReports.Voice voice, Guest guest) implements ColdVoice {
    @Override
    public MigrationRef ref() {
      return voice.ref();
    }

    @Override
    public CompletableFuture<Outcome> say(
        State state,
        Reason reason,
        String message,
        Cold cold,
        @Nullable Result result,
        @Nullable Progress progress) {
      return voice.say(state, reason, message, guest, result, progress, cold);
    }

    @Override
    public void progress(Progress progress) {
      voice.progress(progress);
    }
  }
}
