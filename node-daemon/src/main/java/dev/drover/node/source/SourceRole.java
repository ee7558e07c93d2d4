package dev.drover.node.source;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.backing.Patience;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorListener;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.ReportQueue;
import dev.drover.node.source.TransferRun.Beginning;
import dev.drover.node.source.TransferRun.StopRequest;
import dev.drover.node.stream.StreamCheck;
import dev.drover.node.watchdog.WatchdogPolicy;
import dev.drover.node.way.Way;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * This host as the source (docs/reference/protocol.md). Level-triggered: {@link #handle} looks at
 * the object as it is and does what is missing; called twice, it does nothing the second time. Not
 * called concurrently for one object.
 */
public final class SourceRole implements HypervisorListener {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(SourceRole.class));
  private static final Duration LOOK_AGAIN_SOON = Duration.ofMillis(50);
  private static final Duration LOOK_AGAIN_AFTER = Duration.ofSeconds(1);
  private static final Duration PEER_DEADLINE = Duration.ofSeconds(10);

  /** How soon it is learned that an admin has fenced a target that is waited for. */
  private static final Duration FENCING_LOOK = Duration.ofSeconds(5);

  /** A target that has not answered by then may wait for digests; most do within half of it. */
  private static final Duration TARGET_SHOULD_TAKE = Duration.ofSeconds(1);

  private final String nodeName;
  private final Hypervisor hypervisor;
  private final PeerDirectory peers;
  private final InstantSource clock;
  private final SourceReports reports;
  private final GuestInspection inspection;
  private final WayTrial trial;
  private final Forecasts forecasts;
  private final ColdSource cold;
  private final Patience patience;
  private final BackingDigests backing;
  private final Map<String, TransferRun> runs = new ConcurrentHashMap<>();
  private final Map<UUID, TransferRun> runsByDomain = new ConcurrentHashMap<>();
  private final Map<String, Integer> probesRemoved = new ConcurrentHashMap<>();
  private final WatchdogPolicy watchdog;

  public SourceRole(
      String nodeName,
      Hypervisor hypervisor,
      PeerDirectory peers,
      Way way,
      ReportQueue queue,
      InstantSource clock,
      MeterRegistry metrics) {
    this(
        nodeName,
        hypervisor,
        peers,
        way,
        queue,
        clock,
        metrics,
        new ImageDigests(hypervisor),
        WatchdogPolicy.DEFAULT);
  }

  /** With the digests that the other role knows, too. */
  public SourceRole(
      String nodeName,
      Hypervisor hypervisor,
      PeerDirectory peers,
      Way way,
      ReportQueue queue,
      InstantSource clock,
      MeterRegistry metrics,
      ImageDigests digests,
      WatchdogPolicy watchdog) {
    this.watchdog = watchdog;
    this.nodeName = nodeName;
    this.patience = new Patience(TARGET_SHOULD_TAKE, clock);
    this.backing = new BackingDigests(digests);
    this.hypervisor = hypervisor;
    this.peers = peers;
    this.clock = clock;
    this.reports = new SourceReports(nodeName, queue, clock, metrics);
    this.inspection = new GuestInspection(hypervisor, nodeName);
    this.trial = new WayTrial(nodeName, hypervisor, peers, way);
    this.forecasts = new Forecasts(hypervisor, clock);
    this.cold = new ColdSource(hypervisor, peers, clock, reports);
  }

  /** How many transfers this process follows. */
  public int transfers() {
    return runs.size() + cold.transfers();
  }

  /**
   * Does what is missing.
   *
   * @return when to look again, if that is not up to an event
   */
  public Optional<Duration> handle(LiveMigration migration) throws HypervisorException {
    LiveMigrationStatus status = migration.getStatus();
    if (status == null || !nodeName.equals(status.sourceNode()) || status.domainUuid() == null) {
      return Optional.empty();
    }
    var uuid = UUID.fromString(status.domainUuid());
    var phase = status.phaseValue();
    var own = reports.last(migration);
    if (phase.isTerminal()) {
      if (phase != Phase.Succeeded) {
        // It was ended while the guest was being inspected, or while libvirt was away.
        removeProbes(migration, own);
      }
      reports.forget(migration);
      forecasts.forget(migration.getMetadata().getUid());
      return Optional.empty();
    }
    if (status.failure() != null) {
      return stop(migration, uuid, own, status.failure());
    }
    return switch (phase) {
      case PreMigration -> {
        if (own.isEmpty()) {
          inspect(migration, uuid);
        } else if (own.get().state() == State.Inspected && checkIsOver(migration)) {
          endCheck(migration, own);
        } else if (own.get().state() == State.Inspected) {
          var again = compare(migration, own.get());
          if (migration.getSpec().dryRunRequested()) {
            reach(migration, own.get());
            // A forecast is of memory, which a cold migration does not move.
            var forecast =
                migration.getSpec().cold()
                    ? Optional.<Duration>empty()
                    : forecasts.advance(migration, uuid, own.get(), reports.of(migration));
            yield forecast.isPresent() ? forecast : again;
          }
          yield again;
        }
        yield Optional.empty();
      }
      case Reservation -> {
        removeProbes(migration, own);
        yield Optional.empty();
      }
      case PreCopy, StopAndCopy, PostCopy -> {
        retune(migration);
        var again =
            migration.getSpec().cold()
                ? cold.transfer(migration, uuid, own)
                : transfer(migration, uuid, own);
        removeProbes(migration, own);
        yield again;
      }
      case Commitment -> commit(migration, uuid, own);
      case Pending, Succeeded, Failed, Aborted -> Optional.empty();
    };
  }

  /** The object is gone. A transfer that runs goes on to its end; nobody is told of it any more. */
  public void gone(LiveMigration migration) {
    if (probesRemoved.remove(migration.getMetadata().getUid()) == null) {
      removeProbesOfGone(migration);
    }
    patience.forget(key(migration) + "/" + targetOf(migration));
    reports.forget(migration);
    forecasts.forget(migration.getMetadata().getUid());
  }

  private void removeProbesOfGone(LiveMigration migration) {
    try {
      inspection.removeProbes(migration.getMetadata().getUid(), null);
    } catch (HypervisorException e) {
      LOG.info(MigrationRef.of(migration))
          .addKeyValue("error", e.getMessage())
          .log("Whether a probe is left is looked at when libvirt is back");
    }
  }

  /**
   * Removes probes of migrations that came to their end, or were deleted, while no daemon was here,
   * or libvirt was away.
   *
   * @param underWay asks the API server for the uids of the migrations whose source is this node,
   *     and which have not ended
   */
  public void removeLeftProbes(Supplier<Set<String>> underWay) throws HypervisorException {
    inspection.removeLeftProbes(underWay);
  }

  /** From Reservation on, the target has looked; once per life of this daemon is enough. */
  private void removeProbes(LiveMigration migration, Optional<SourceReport> own)
      throws HypervisorException {
    var uid = migration.getMetadata().getUid();
    Integer attempt = migration.getStatus().attemptNumber();
    if (!attempt.equals(probesRemoved.get(uid))) {
      inspection.removeProbes(uid, guestOf(own));
      probesRemoved.put(uid, attempt);
    }
  }

  private static @Nullable Guest guestOf(Optional<SourceReport> own) {
    return own.map(SourceReport::guest).orElse(null);
  }

  private void inspect(LiveMigration migration, UUID uuid) throws HypervisorException {
    var voice = reports.of(migration);
    var spec = migration.getSpec();
    var uid = migration.getMetadata().getUid();
    boolean dryRun = spec.dryRunRequested();
    var outcome =
        spec.cold()
            ? inspection.inspectCold(uid, uuid, dryRun, spec)
            : inspection.inspect(
                uid,
                uuid,
                Stream.concat(
                        StreamCheck.against(spec, hypervisor.host(), peers.encrypts()).stream(),
                        trial.ownBlockers().stream())
                    .toList(),
                dryRun,
                spec);
    if (outcome.blockers().isEmpty()) {
      var says = "The guest can be moved";
      var guest = outcome.guest();
      var cold = outcome.cold();
      var unused =
          cold == null
              ? voice.say(State.Inspected, Reason.Inspected, says, guest)
              : voice.say(State.Inspected, Reason.Inspected, says, guest, null, null, cold);
      if (!dryRun && !spec.cold() && guest != null) {
        forecasts.prepare(migration, uuid, guest);
      }
      return;
    }
    LOG.info(voice.ref())
        .addKeyValue("reason", outcome.blockers().getFirst().reason())
        .addKeyValue("blockers", outcome.blockers().size())
        .log("The guest can't be moved");
    voice.sayBlocked(
        outcome.guest() == null ? State.Refused : State.Inspected,
        outcome.blockers(),
        outcome.guest());
  }

  /**
   * A target that does not see the images that disks stand on does not answer before it knows what
   * they consist of.
   *
   * @return when to look again, if it may be so
   */
  private Optional<Duration> compare(LiveMigration migration, SourceReport own)
      throws HypervisorException {
    var guest = own.guest();
    var asked = key(migration) + "/" + targetOf(migration);
    if (guest == null
        || migration.getStatus().currentTarget().isPresent()
        || !BackingDigests.mayBeNeeded(guest, migration.getSpec())) {
      patience.forget(asked);
      return Optional.empty();
    }
    if (!patience.has(asked)) {
      backing
          .added(guest, migration.getSpec())
          .ifPresent(known -> reports.of(migration).describes(known));
    }
    return Optional.of(LOOK_AGAIN_AFTER);
  }

  /** A dry run that has found out what was asked: nothing but the probes is there to be removed. */
  private static boolean checkIsOver(LiveMigration migration) {
    return migration.getSpec().dryRunRequested()
        && migration
            .getStatus()
            .condition(ConditionType.Reconciling)
            .filter(c -> c.reason().equals(Reason.CleaningUp.name()))
            .isPresent();
  }

  /** Of each target in turn, once it has said where: a migration would find out when it starts. */
  private void reach(LiveMigration migration, SourceReport own) {
    var target = migration.getStatus().currentTarget();
    var before = own.reach();
    if (target.isPresent()
        && (before == null || !before.nodeName().equals(target.get().nodeName()))) {
      reports.of(migration).reaches(trial.of(target.get()));
    }
  }

  private void endCheck(LiveMigration migration, Optional<SourceReport> own)
      throws HypervisorException {
    removeProbes(migration, own);
    var unused =
        reports
            .of(migration)
            .say(
                State.Stopped,
                Reason.CheckPassed,
                "Nothing was sent; the guest is here",
                guestOf(own));
  }

  private void retune(LiveMigration migration) {
    var run = runs.get(key(migration));
    if (run != null) {
      run.retune(Tuning.of(migration));
    }
  }

  private Optional<Duration> transfer(
      LiveMigration migration, UUID uuid, Optional<SourceReport> own) {
    if (own.isEmpty() || runs.containsKey(key(migration))) {
      return Optional.empty();
    }
    return switch (own.get().state()) {
      case Inspected -> begin(migration, uuid, own.get(), Beginning.Fresh);
      case Transferring ->
          begin(
              migration,
              uuid,
              own.get(),
              migration.getStatus().progress() == null ? Beginning.Intended : Beginning.Adopted);
      case Switching, PostCopying, HandOverPending ->
          begin(migration, uuid, own.get(), Beginning.Adopted);
      case Refused, Switched, Stopped, GuestLost, CleanedUp -> Optional.empty();
    };
  }

  private static @Nullable String targetOf(LiveMigration migration) {
    var status = migration.getStatus();
    return status == null ? null : status.targetNode();
  }

  /** A transfer belongs to one attempt. */
  static String key(LiveMigration migration) {
    var status = migration.getStatus();
    return migration.getMetadata().getUid() + "/" + (status == null ? 1 : status.attemptNumber());
  }

  /**
   * @return when to try again, if the target's address could not be learned
   */
  private Optional<Duration> begin(
      LiveMigration migration, UUID uuid, SourceReport own, Beginning beginning) {
    var target = migration.getStatus().targetNode();
    var guest = own.guest();
    if (target == null || guest == null) {
      return Optional.empty();
    }
    var address = peers.addressOf(target);
    if (address.isEmpty()) {
      return Optional.of(LOOK_AGAIN_AFTER);
    }
    if (runsByDomain.containsKey(uuid)) {
      return Optional.of(LOOK_AGAIN_SOON); // the attempt before is over, but for its thread
    }
    var key = key(migration);
    var voice = reports.of(migration);
    var run =
        new TransferRun(
            beginning,
            TransferOrder.of(
                migration, uuid, guest, target, address.get(), peers.bridgesOf(target)),
            Tuning.of(migration),
            voice,
            forecasts.expectation(migration, uuid, guest, voice),
            hypervisor,
            clock,
            watchdog);
    runs.put(key, run);
    runsByDomain.put(uuid, run);
    Thread.ofPlatform()
        .name("transfer-watch-" + uuid)
        .daemon(true)
        .start(
            () -> {
              try {
                run.run();
              } finally {
                runs.remove(key, run);
                runsByDomain.remove(uuid, run);
              }
            });
    return Optional.empty();
  }

  private Optional<Duration> stop(
      LiveMigration migration, UUID uuid, Optional<SourceReport> own, Failure failure)
      throws HypervisorException {
    var run = runs.get(key(migration));
    if (run != null) {
      run.requestStop(new StopRequest(reasonOf(failure), failure.message()));
      return undecided(migration, own, run);
    }
    var state = own.map(SourceReport::state).orElse(null);
    if (state == null || state == State.Inspected) {
      removeProbes(migration, own);
      var unused =
          reports
              .of(migration)
              .say(
                  State.Stopped,
                  reasonOf(failure),
                  "Nothing was sent; the guest is here",
                  guestOf(own));
      return Optional.empty();
    }
    return switch (state) {
      case Transferring, Switching, PostCopying, HandOverPending -> {
        if (migration.getSpec().cold()) {
          yield cold.stop(migration, uuid, own.orElseThrow(), reasonOf(failure), failure.message());
        }
        var retry = begin(migration, uuid, own.orElseThrow(), Beginning.Adopted);
        var adopted = runs.get(key(migration));
        if (adopted != null) {
          adopted.requestStop(new StopRequest(reasonOf(failure), failure.message()));
        }
        yield retry;
      }
      case Inspected, Refused, Switched, Stopped, GuestLost, CleanedUp -> Optional.empty();
    };
  }

  /** What can't be decided because a target is silent can be once its host is fenced. */
  private Optional<Duration> undecided(
      LiveMigration migration, Optional<SourceReport> own, TransferRun run) {
    if (own.filter(
            report ->
                report.state() == State.HandOverPending || report.state() == State.PostCopying)
        .isEmpty()) {
      return Optional.empty();
    }
    var target = migration.getStatus().targetNode();
    if (target != null && peers.isFenced(target)) {
      run.targetIsFenced();
      return Optional.empty();
    }
    return Optional.of(FENCING_LOOK);
  }

  private static Reason reasonOf(Failure failure) {
    try {
      return Reason.valueOf(failure.reason());
    } catch (IllegalArgumentException e) {
      return Reason.CleaningUp; // of a newer operator
    }
  }

  private Optional<Duration> commit(LiveMigration migration, UUID uuid, Optional<SourceReport> own)
      throws HypervisorException {
    if (own.isEmpty() || own.get().state() != State.Switched) {
      return Optional.empty();
    }
    var here = hypervisor.domain(uuid);
    if (here.isPresent()) {
      if (here.get().run() != DomainState.Run.ShutOff) {
        LOG.info(MigrationRef.of(migration))
            .addKeyValue("state", here.get().run())
            .log("libvirt has not let go of the domain yet; its disks stay");
        return Optional.of(runs.containsKey(key(migration)) ? LOOK_AGAIN_SOON : LOOK_AGAIN_AFTER);
      }
      if (runs.containsKey(key(migration))) {
        return Optional.of(LOOK_AGAIN_SOON); // libvirt undefines it itself, in a moment
      }
      hypervisor.undefine(uuid);
    }
    if (!keepAutostart(migration, uuid, own.get())) {
      return Optional.of(LOOK_AGAIN_AFTER);
    }
    removeCopiedDisks(migration, own.get());
    var result = own.get().result();
    if (result != null && !migration.getSpec().cold()) {
      forecasts.learn(migration, result);
    }
    var unused =
        reports
            .of(migration)
            .say(
                State.CleanedUp,
                Reason.Succeeded,
                "Nothing of the guest is left here",
                own.get().guest(),
                own.get().result(),
                null);
    return Optional.empty();
  }

  /**
   * libvirt moves the definition, but not the flag that has it started when its host boots.
   *
   * @return whether that is done; the target's address may not be known just now
   */
  private boolean keepAutostart(LiveMigration migration, UUID uuid, SourceReport own)
      throws HypervisorException {
    var guest = own.guest();
    var target = migration.getStatus().targetNode();
    if (guest == null
        || guest.surroundings() == null
        || !guest.surroundings().autostart()
        || target == null) {
      return true;
    }
    var address = peers.addressOf(target);
    if (address.isEmpty()) {
      return false;
    }
    try (var peer = hypervisor.connectPeer(address.get(), PEER_DEADLINE)) {
      peer.enableAutostart(uuid);
      return true;
    }
  }

  /** INVARIANT: only disks that the target has a copy of, and only after commitment. */
  private void removeCopiedDisks(LiveMigration migration, SourceReport own)
      throws HypervisorException {
    var guest = own.guest();
    if (migration.getStatus().phaseValue() != Phase.Commitment || guest == null) {
      return;
    }
    var copies = migration.getStatus().currentTarget().map(TargetReport::copies).orElse(List.of());
    for (DiskPlan copy : copies) {
      for (SourceReport.Disk disk : guest.disks()) {
        String pool = disk.pool();
        String volume = disk.volume();
        if (disk.target().equals(copy.target()) && pool != null && volume != null) {
          hypervisor.deleteVolume(pool, volume);
        }
      }
    }
  }

  @Override
  public void onDomainEvent(UUID uuid, DomainEvent event, Instant at) {
    Optional.ofNullable(runsByDomain.get(uuid))
        .ifPresent(run -> run.signals().onDomainEvent(event, at));
    cold.onDomainEvent(uuid, event);
  }

  @Override
  public void onIteration(UUID uuid, int iteration, Instant at) {
    Optional.ofNullable(runsByDomain.get(uuid)).ifPresent(run -> run.signals().wake());
  }

  @Override
  public void onJobCompleted(UUID uuid, JobStatistics statistics, Instant at) {
    Optional.ofNullable(runsByDomain.get(uuid))
        .ifPresent(run -> run.signals().onJobCompleted(statistics));
  }

  @Override
  public void onDiskCopy(UUID uuid, String disk, DiskCopyEvent event, Instant at) {
    Optional.ofNullable(runsByDomain.get(uuid))
        .ifPresent(run -> run.signals().onDiskCopy(disk, event));
  }
}
