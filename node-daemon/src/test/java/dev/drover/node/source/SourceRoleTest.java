package dev.drover.node.source;

import static dev.drover.node.report.RecordedReports.inAttempt;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.GuestDescription.Disk;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.IdSet;
import dev.drover.node.hypervisor.MemoryUse;
import dev.drover.node.hypervisor.Surroundings;
import dev.drover.node.hypervisor.TransferConnections.Traffic;
import dev.drover.node.report.RecordedReports;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SourceRoleTest extends SourceStage {
  @Test
  void theGuestIsDescribedAndAProbeLiesBesideItsDisk() throws HypervisorException {
    var guest = inspected().guest();
    assertThat(guest.domainName()).isEqualTo("web");
    assertThat(guest.disks())
        .singleElement()
        .satisfies(
            d -> {
              assertThat(d.probe().content()).hasSize(64);
              assertThat(source.readProbe("default", d.probe().volume(), 100)).isPresent();
            });
  }

  @Test
  void aBlockerIsRefusedBeforeAnythingIsTouched() throws HypervisorException {
    describe(List.of(new Blocker(Blocker.Kind.HostDevice, "hostdev pci 0000:01:00.0")));
    role.handle(migration(Phase.PreMigration, null, null));
    awaitSaid(State.Refused);
    assertThat(reports.source().reason()).isEqualTo(Reason.HostDeviceAttached.name());
    assertThat(source.calls()).isEmpty();
  }

  @Test
  void aDryRunDescribesAGuestThatCantMoveWithAllThatIsInTheWay() throws HypervisorException {
    describe(
        List.of(
            new Blocker(Blocker.Kind.HostDevice, "hostdev pci 0000:01:00.0"),
            new Blocker(Blocker.Kind.Snapshots, "2")));
    role.handle(dryRun(null, false));
    awaitSaid(State.Inspected);
    var own = Objects.requireNonNull(reports.source());
    assertThat(own.guest().disks()).hasSize(1);
    assertThat(own.blockers())
        .extracting(b -> b.reason())
        .containsExactly("HostDeviceAttached", "SnapshotsPresent");

    role.handle(dryRun(own, false));
    assertThat(source.lookUps("startDirtyRate")).as("it can't be moved anyway").isZero();
    await().untilAsserted(() -> assertThat(reports.source().reach()).isNotNull());
    assertThat(reports.source().reach().nodeName()).isEqualTo("n2");
    assertThat(reports.source().reach().reached()).isTrue();
    assertThat(reports.source().blockers()).hasSize(2);
    assertThat(reports.sourceStates()).containsExactly(State.Inspected);
    assertThat(probe(own)).isPresent();

    role.handle(dryRun(own, true));
    awaitSaid(State.Stopped);
    assertThat(probe(own)).isEmpty();
    assertThat(source.calls()).noneMatch(c -> c.startsWith("startTransfer"));
  }

  @Test
  void aDryRunSaysWhatTheTransferWouldTake() throws HypervisorException {
    var now = new AtomicReference<>(Instant.now());
    var clocked =
        new SourceRole(
            "n1",
            source,
            node -> Optional.of(address),
            WAY,
            reports.queue("drover-source"),
            now::get,
            metrics);
    clocked.handle(dryRun(null, false));
    awaitSaid(State.Inspected);
    var own = Objects.requireNonNull(reports.source());
    source.setMemoryUse(new MemoryUse(220 * MIB, OptionalLong.empty()));
    assertThat(clocked.handle(dryRun(own, false))).contains(Duration.ofSeconds(1));
    assertThat(clocked.handle(dryRun(own, false))).contains(Duration.ofSeconds(1));
    assertThat(source.lookUps("startDirtyRate")).isEqualTo(1);

    now.set(now.get().plusSeconds(1));
    assertThat(clocked.handle(dryRun(own, false))).as("still sampling").isPresent();

    source.setMemoryUse(new MemoryUse(220 * MIB, OptionalLong.of(11 * MIB)));
    assertThat(clocked.handle(dryRun(own, false))).contains(Duration.ofSeconds(3));
    now.set(now.get().plusSeconds(3));
    assertThat(clocked.handle(dryRun(own, false))).isEmpty();
    await().untilAsserted(() -> assertThat(reports.last().forecast()).isNotNull());
    var forecast = reports.last().forecast();
    assertThat(forecast.converges()).isTrue();
    assertThat(forecast.confidence()).isEqualTo(LiveMigrationStatus.Forecast.Confidence.Low);
    assertThat(forecast.throughputMiBps()).isEqualTo(110);
    assertThat(forecast.dirtyRateMiBps()).isEqualTo(11);
    // 220 MiB and the disk's one, then the 22 that are written meanwhile: 200 ms, and the stop's.
    assertThat(forecast.downtimeMilliseconds()).isEqualTo(200 + 130);
    assertThat(forecast.bytes()).isEqualTo(243 * MIB);
    assertThat(forecast.workingSetMiB()).as("no bound was seen").isNull();
    assertThat(source.lookUps("startDirtyRate")).isEqualTo(2);
  }

  @Test
  void aMigrationIsForecastWithoutWaitingAndItsErrorIsInTheResult() throws HypervisorException {
    source.setMemoryUse(new MemoryUse(220 * MIB, OptionalLong.empty()));
    var transfer = begin();
    assertThat(source.lookUps("startDirtyRate")).as("since it was inspected").isEqualTo(1);
    assertThat(reports.last().forecast()).as("the sampling takes a second").isNull();
    source.setMemoryUse(new MemoryUse(220 * MIB, OptionalLong.of(11 * MIB)));
    await().untilAsserted(() -> assertThat(reports.last().forecast()).isNotNull());
    assertThat(reports.last().forecast().dirtyRateMiBps()).isEqualTo(11);
    assertThat(reports.last().forecast().bytes()).isEqualTo(243 * MIB);

    landPaused();
    source.putJob(DOMAIN, Optional.empty());
    transfer.complete();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
    var error = reports.source().result().forecastError();
    assertThat(error.secondsPercent()).isNotNull();
    assertThat(error.bytesPercent()).isNotNull();
  }

  @Test
  void aTransferThatIsFasterThanTheSamplingHasAForecastNevertheless() throws HypervisorException {
    source.setMemoryUse(new MemoryUse(220 * MIB, OptionalLong.empty()));
    var transfer = begin();
    landPaused();
    source.putJob(DOMAIN, Optional.empty());
    transfer.complete();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
    assertThat(reports.last().forecast().dirtyRateMiBps()).isZero();
    assertThat(reports.source().result().forecastError()).isNotNull();
  }

  private Optional<byte[]> probe(SourceReport own) throws HypervisorException {
    return source.readProbe("default", own.guest().disks().getFirst().probe().volume(), 100);
  }

  /** {@code allIsKnown}: the operator has heard all hosts. */
  private LiveMigration dryRun(@Nullable SourceReport own, boolean allIsKnown) {
    var spec = LiveMigrationSpec.builder("web").dryRun(true).build();
    var migration = RecordedReports.migration(spec, DOMAIN, Phase.PreMigration, own, CHECKED, null);
    if (allIsKnown) {
      var status = migration.getStatus();
      migration.setStatus(
          LiveMigrationStatus.builder()
              .phase(Phase.PreMigration)
              .sourceNode("n1")
              .targetNode("n2")
              .domainUuid(DOMAIN.toString())
              .source(status.source())
              .conditions(
                  List.of(
                      Condition.of(
                          ConditionType.Reconciling,
                          Condition.TRUE,
                          Reason.CleaningUp,
                          "All is known.",
                          Instant.now(),
                          1L)))
              .build());
    }
    return migration;
  }

  @Test
  void theProbeGoesOnceTheTargetHasLooked() throws HypervisorException {
    var own = inspected();
    role.handle(migration(Phase.Reservation, own, null));
    assertThat(source.readProbe("default", own.guest().disks().getFirst().probe().volume(), 100))
        .isEmpty();
  }

  @Test
  void theProbeOfAMigrationThatWasDeletedMeanwhileGoes() throws HypervisorException {
    var own = inspected();
    role.gone(migration(Phase.PreMigration, own, null));
    assertThat(probe(own)).isEmpty();
  }

  @Test
  void leftProbesGoButNobodyElsesAndNoneThatIsNeeded() throws HypervisorException {
    var own = inspected();
    var probe = own.guest().disks().getFirst().probe();
    var others = "drover-probe-" + UUID.randomUUID();
    source.writeProbe("default", others, probe.content().getBytes(US_ASCII));

    role.removeLeftProbes(
        () -> Set.of(migration(Phase.PreMigration, own, null).getMetadata().getUid()));
    assertThat(probe(own)).isPresent();
    role.removeLeftProbes(Set::of);
    assertThat(probe(own)).isEmpty();
    assertThat(source.volumeNames("default")).contains(others);
  }

  @Test
  void theTargetResumesOnlyAfterTheSourcesProcessIsGone() throws HypervisorException {
    var transfer = begin();
    assertThat(transfer.request().landPaused()).isTrue();
    landPaused();
    source.process(DOMAIN).hold();
    var process = source.process(DOMAIN);
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    transfer.complete();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    await()
        .during(Duration.ofMillis(600))
        .atMost(Duration.ofSeconds(60))
        .until(() -> target.calls().stream().noneMatch(c -> c.startsWith("resume")));
    process.release();
    awaitSaid(State.Switched);
    assertThat(target.calls()).contains("resume " + DOMAIN);
    assertThat(reports.source().result().commit()).isEqualTo("Fenced");
    assertThat(reports.source().result().downtimeMilliseconds()).isGreaterThanOrEqualTo(600);
    await().until(transfer::isClosed);
    await().until(process::isClosed);
  }

  /** The guest has landed, and the link to the target's libvirt is cut just then. */
  private void landAndCut(FakeHypervisor.FakeTransfer transfer, boolean undefined) {
    landPaused();
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    target.setConnected(false);
    transfer.complete();
    if (undefined) {
      source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    } else {
      source.become(DOMAIN, Run.ShutOff, "migrated", DomainEvent.StoppedMigrated);
    }
  }

  @Test
  void aTargetThatCanNotBeToldIsToldThroughTheApiServerThatTheGuestIsGone()
      throws HypervisorException {
    landAndCut(begin(), true);
    await().until(() -> reports.source().hasReleased());
    var at = reports.source().releasedAt();
    assertThat(reports.source().state()).isIn(State.Transferring, State.Switching);
    // What is said later does not take it back.
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(State.HandOverPending));
    assertThat(reports.source().releasedAt()).isEqualTo(at);
    target.setConnected(true);
    awaitSaid(State.Switched);
    assertThat(reports.source().releasedAt()).isEqualTo(at);
  }

  private void assertNothingReleased() {
    await()
        .during(Duration.ofSeconds(1))
        .atMost(Duration.ofSeconds(60))
        .until(() -> !reports.source().hasReleased());
  }

  @Test
  void aGuestWhoseDefinitionIsStillHereIsNotReleasedAndLibvirtIsHelpedOn()
      throws HypervisorException {
    landAndCut(begin(), false);
    assertNothingReleased();
    assertThat(source.calls()).filteredOn(c -> c.startsWith("breakControl")).hasSize(1);
    source.remove(DOMAIN, DomainEvent.Undefined);
    await().until(() -> reports.source().hasReleased());
  }

  @Test
  void aGuestThatHasEndedForAnotherReasonIsNotReleased() throws HypervisorException {
    var transfer = begin();
    landPaused();
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    target.setConnected(false);
    transfer.fail(new HypervisorException(Kind.Other, 1, "the emulator has died"));
    source.become(DOMAIN, Run.ShutOff, "crashed", DomainEvent.Stopped);
    assertNothingReleased();
    assertThat(source.calls()).noneMatch(c -> c.startsWith("breakControl"));
  }

  @Test
  void aGuestThatHasAProcessHereAgainIsNotReleased() throws HypervisorException {
    var transfer = begin();
    landAndCut(transfer, true);
    source.put(FakeHypervisor.running(DOMAIN, "web"), DomainEvent.Started);
    assertNothingReleased();
  }

  @Test
  void aGuestThatItsOwnerHoldsIsNotReleased() throws HypervisorException {
    var transfer = begin();
    source.fire(DOMAIN, DomainEvent.Suspended);
    landAndCut(transfer, true);
    assertNothingReleased();
  }

  @Test
  void aHandOverThatGetsThroughReleasesNothing() throws HypervisorException {
    var transfer = begin();
    landPaused();
    source.putJob(DOMAIN, Optional.empty());
    transfer.complete();
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
    assertThat(reports.source().hasReleased()).isFalse();
  }

  @Test
  void aLongSwitchoverIsToldThoughQemuIsDeafMeanwhile() throws HypervisorException {
    begin();
    source.fallDeaf();
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    awaitSaid(State.Switching);
    source.hearAgain();
    landPaused();
    source.putJob(DOMAIN, Optional.empty());
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
  }

  @Test
  void aFailedTransferLeavesTheGuestHereAndTheTargetUntouched() throws HypervisorException {
    var transfer = begin();
    landPaused();
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.PeerUnreachable, 38, "client socket is closed"));
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.ConnectionToTargetFailed.name());
    assertThat(reports.source().message()).contains("client socket is closed");
    assertThat(target.calls()).noneMatch(c -> c.startsWith("resume"));
  }

  @Test
  void theNextAttemptBeginsAnewThoughNobodySawTheOneBeforeGo() throws HypervisorException {
    var transfer = begin();
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.PeerUnreachable, 38, "client socket is closed"));
    awaitSaid(State.Stopped);
    var stopped = reports.source();
    assertThat(stopped.attempt()).isNull();

    // The informer has merged what was in between: only the number tells of it.
    role.handle(inAttempt(2, migration(Phase.PreMigration, stopped, null)));
    awaitSaid(State.Inspected);
    var inspected = reports.source();
    assertThat(inspected.attempt()).isEqualTo(2);
    assertThat(reports.last().progress()).isNull();
    var probe = inspected.guest().disks().getFirst().probe();
    assertThat(probe.content()).isNotEqualTo(stopped.guest().disks().getFirst().probe().content());
    role.handle(inAttempt(2, migration(Phase.Reservation, inspected, null)));
    assertThat(source.volume("default", probe.volume())).isEmpty();

    await().until(() -> role.transfers() == 0);
    source.putJob(DOMAIN, Optional.of(job()));
    role.handle(inAttempt(2, migration(Phase.PreCopy, inspected, null)));
    awaitSaid(State.Transferring);
    assertThat(reports.source().attempt()).isEqualTo(2);
    await()
        .until(
            () -> source.calls().stream().filter(c -> c.startsWith("startTransfer")).count() == 2);
  }

  /** libvirt died in the last instants, and has left the guest held on both hosts. */
  private void heldOnBothHosts() throws HypervisorException {
    var transfer = begin();
    landPaused();
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Other, 1, "client socket is closed"));
  }

  @Test
  void aGuestThatIsLeftHeldOnBothHostsGoesOnHereOnceTheCopyIsGone() throws HypervisorException {
    heldOnBothHosts();
    awaitSaid(State.Stopped);
    assertThat(target.calls()).contains("discard " + DOMAIN).noneMatch(c -> c.startsWith("resume"));
    assertThat(target.domain(DOMAIN)).isEmpty();
    assertThat(source.calls()).contains("resume " + DOMAIN);
    assertThat(source.domain(DOMAIN).orElseThrow().run()).isEqualTo(Run.Running);
  }

  @Test
  void aGuestThatIsLeftHeldGoesOnOnceItsTargetIsFenced() throws HypervisorException {
    var transfer = begin();
    target.setConnected(false);
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Other, 1, "client socket is closed"));
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(State.HandOverPending));
    // Somebody's abort does not tell that the target is fenced; that is found out.
    var aborted =
        migration(
            Phase.PreCopy,
            null,
            Failure.of(Reason.AbortRequested, "asked for", null, Phase.StopAndCopy));
    assertThat(role.handle(aborted)).as("it is looked again").isPresent();
    assertThat(source.calls()).noneMatch(c -> c.startsWith("resume"));
    targetIsFenced = true;
    role.handle(aborted);
    awaitSaid(State.Stopped);
    assertThat(source.calls()).contains("resume " + DOMAIN);
    assertThat(source.domain(DOMAIN).orElseThrow().run()).isEqualTo(Run.Running);
  }

  @Test
  void aGuestThatIsLeftHeldIsNotTouchedWhileTheTargetCanNotBeAsked() throws HypervisorException {
    var transfer = begin();
    target.setConnected(false);
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Other, 1, "client socket is closed"));
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(State.HandOverPending));
    assertThat(source.calls()).noneMatch(c -> c.startsWith("resume"));
    target.setConnected(true);
    awaitSaid(State.Stopped);
    assertThat(source.calls()).contains("resume " + DOMAIN);
  }

  @Test
  void aStaleHalfIsEndedHereIfTheGuestRunsAtTheTarget() throws HypervisorException {
    heldOnBothHosts();
    target.become(DOMAIN, Run.Running, "migrated", DomainEvent.Resumed);
    awaitSaid(State.Switched);
    assertThat(source.calls()).contains("destroy " + DOMAIN).noneMatch(c -> c.startsWith("resume"));
    assertThat(target.calls()).noneMatch(c -> c.startsWith("discard"));
  }

  @Test
  void aGuestThatDiesWhileItIsBeingLetGoOnIsLostAndNotResumedElsewhere()
      throws HypervisorException {
    heldOnBothHosts();
    source.fail("resume", new HypervisorException(Kind.Other, 1, "QEMU is in trouble"));
    await()
        .pollInterval(Duration.ofMillis(5))
        .until(() -> source.calls().contains("resume " + DOMAIN));
    source.become(DOMAIN, Run.ShutOff, "crashed", DomainEvent.Stopped);
    awaitSaid(State.GuestLost);
    assertThat(target.calls()).noneMatch(c -> c.startsWith("resume"));
  }

  @Test
  void aGuestThatCrashesBeforeItIsCompleteIsLostNotResumed() throws HypervisorException {
    var transfer = begin();
    target.put(
        FakeHypervisor.in(
            FakeHypervisor.running(DOMAIN, "web"), Run.PausedForMigration, "migration"));
    source.become(DOMAIN, Run.ShutOff, "crashed", DomainEvent.Stopped);
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Other, 9, "domain is not running"));
    target.remove(DOMAIN, DomainEvent.Stopped);
    awaitSaid(State.GuestLost);
    assertThat(reports.source().reason()).isEqualTo(Reason.GuestStopped.name());
    assertThat(target.calls()).noneMatch(c -> c.startsWith("resume"));
  }

  @Test
  void anAbortIsAskedOfLibvirtAndItsOutcomeIsTold() throws HypervisorException {
    var transfer = begin();
    var failure = Failure.of(Reason.Deleted, "deleted", null, Phase.PreCopy);
    source.putTraffic(DOMAIN, new Traffic(1, 1000, false));
    role.handle(migration(Phase.PreCopy, null, failure));
    await().until(() -> source.calls().contains("breakStreams " + DOMAIN));
    assertThat(source.calls()).noneMatch(c -> c.startsWith("abortJob"));
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Aborted, 78, "canceled by client"));
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.Deleted.name());
  }

  @Test
  void anAbortWhileDisksAreCopiedIsAskedOfLibvirt() throws HypervisorException {
    begin();
    source.putJob(DOMAIN, Optional.of(copyingDisks()));
    source.putTraffic(DOMAIN, new Traffic(1, 1000, false));
    role.handle(
        migration(Phase.PreCopy, null, Failure.of(Reason.Deleted, "deleted", null, Phase.PreCopy)));
    await().until(() -> source.calls().contains("abortJob " + DOMAIN));
    assertThat(source.calls()).noneMatch(c -> c.startsWith("break"));
  }

  @Test
  void aDeadLinkDoesNotKeepTheGuestStill() throws HypervisorException {
    var transfer = begin();
    source.putTraffic(DOMAIN, new Traffic(1, 1000, true));
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> source.calls().contains("breakStreams " + DOMAIN));
    source.putJob(DOMAIN, Optional.empty());
    source.become(DOMAIN, Run.Running, "unpaused", DomainEvent.Resumed);
    transfer.fail(new HypervisorException(Kind.Other, 9, "Channel error"));
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.ConnectionToTargetFailed.name());
    assertThat(reports.source().message()).contains("stands still", "n2", "Channel error");
  }

  @Test
  void aCallThatWaitsForAnEventThatHasPassedIsHelpedOn() throws HypervisorException {
    var transfer = begin();
    source.putTraffic(DOMAIN, new Traffic(1, 1000, false));
    await().until(() -> source.lookUps("traffic") > 2);
    source.putTraffic(DOMAIN, Traffic.NONE);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> source.calls().contains("suspend " + DOMAIN));
    assertThat(source.calls()).containsSubsequence("breakControl " + DOMAIN, "suspend " + DOMAIN);
    source.putJob(DOMAIN, Optional.empty());
    source.become(DOMAIN, Run.Running, "unpaused", DomainEvent.Resumed);
    transfer.fail(new HypervisorException(Kind.Other, 1, "Migration not in expected state"));
    awaitSaid(State.Stopped);
  }

  @Test
  void anAbortThatComesTooLateEndsInSwitched() throws HypervisorException {
    var transfer = begin();
    landPaused();
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    role.handle(
        migration(Phase.PreCopy, null, Failure.of(Reason.Deleted, "deleted", null, Phase.PreCopy)));
    source.putJob(DOMAIN, Optional.empty());
    transfer.complete();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
    assertThat(source.calls())
        .as("the last instants are let pass")
        .noneMatch(c -> c.startsWith("abort"));
  }

  @Test
  void aRestartedDaemonPicksTheTransferUpAndHandsOver() throws HypervisorException {
    var guest = inspected().guest();
    source.putJob(DOMAIN, Optional.of(job()));
    try (var next = new NextLife()) {
      next.finds(Phase.PreCopy, State.Transferring, guest);
      await().until(() -> next.role.transfers() == 1);
      assertThat(source.calls())
          .as("nothing is started twice")
          .noneMatch(c -> c.startsWith("start"));
      landPaused();
      source.putJob(DOMAIN, Optional.empty());
      source.remove(DOMAIN, DomainEvent.StoppedMigrated);
      next.awaitSaid(State.Switched);
      assertThat(target.calls()).contains("resume " + DOMAIN);
    }
  }

  @Test
  void anIntentionThatNobodySawCarriedOutIsCarriedOut() throws HypervisorException {
    var guest = inspected().guest();
    try (var next = new NextLife()) {
      next.finds(Phase.PreCopy, State.Transferring, guest);
      await().until(() -> source.calls().contains("startTransfer " + DOMAIN));
      assertThat(next.reports.sourceStates()).doesNotContain(State.Stopped);
    }
  }

  @Test
  void anIntentionIsNotCarriedOutWhereTheTargetHasSomethingOfTheGuest() throws HypervisorException {
    var guest = inspected().guest();
    target.put(
        FakeHypervisor.in(
            FakeHypervisor.running(DOMAIN, "web"), Run.PausedForMigration, "migration"));
    try (var next = new NextLife()) {
      next.finds(Phase.PreCopy, State.Transferring, guest);
      next.awaitSaid(State.Stopped);
      assertThat(source.calls()).doesNotContain("startTransfer " + DOMAIN);
    }
  }

  @Test
  void aCallThatFailsWhileTheJobGoesOnDecidesNothing() throws HypervisorException {
    var transfer = begin();
    transfer.fail(new HypervisorException(Kind.Unavailable, 38, "End of file while reading data"));
    landPaused();
    await()
        .during(Duration.ofMillis(800))
        .atMost(Duration.ofSeconds(60))
        .until(() -> !reports.sourceStates().contains(State.Stopped));
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
  }

  @Test
  void aRestartedDaemonDoesNotResumeACopyThatMayBeStale() throws HypervisorException {
    var guest = inspected().guest();
    landPaused();
    // It ran on here for a while, and was then shut down: its definition is still here.
    source.become(DOMAIN, Run.ShutOff, "shutdown", DomainEvent.Stopped);
    try (var next = new NextLife()) {
      next.finds(Phase.PreCopy, State.Switching, guest);
      next.awaitSaid(State.HandOverPending);
      assertThat(target.calls()).noneMatch(c -> c.startsWith("resume"));
      // libvirt's word that it was handed over after all.
      source.remove(DOMAIN, DomainEvent.Undefined);
      next.awaitSaid(State.Switched);
    }
  }

  @Test
  void aGuestThatWasShutDownAfterItsArrivalIsNotLost() throws HypervisorException {
    var guest = inspected().guest();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    target.put(FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), Run.ShutOff, "shutdown"));
    try (var next = new NextLife()) {
      next.finds(Phase.PreCopy, State.Switching, guest);
      next.awaitSaid(State.Switched);
    }
  }

  @Test
  void aGuestThatItsOwnerPausedOnTheWayStaysPaused() throws HypervisorException {
    var transfer = begin();
    source.fire(DOMAIN, DomainEvent.Suspended);
    landPaused();
    source.putJob(DOMAIN, Optional.empty());
    transfer.complete();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
    assertThat(target.calls()).noneMatch(c -> c.startsWith("resume"));
  }

  @Test
  void theSourcesDiskGoesOnlyAtCommitment() throws HypervisorException {
    var guest = inspected().guest();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    try (var next = new NextLife()) {
      next.finds(Phase.PreCopy, State.Switched, guest);
      assertThat(source.volume("default", "web.qcow2")).isPresent();
      next.finds(Phase.Commitment, State.Switched, guest);
      assertThat(source.volume("default", "web.qcow2")).isEmpty();
      next.awaitSaid(State.CleanedUp);
    }
  }

  @Test
  void theFlagThatStartsItWithItsHostIsSetAtTheTargetBeforeTheEnd() throws HypervisorException {
    describe(new Surroundings(true, IdSet.EMPTY, IdSet.EMPTY, List.of()), List.of());
    var guest = inspected().guest();
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    target.put(FakeHypervisor.running(DOMAIN, "web"));
    try (var next = new NextLife()) {
      next.finds(Phase.Commitment, State.Switched, guest);
      next.awaitSaid(State.CleanedUp);
    }
    assertThat(target.calls()).contains("enableAutostart " + DOMAIN);
  }

  @Test
  void aFileOutsideOfEveryPoolIsRefused() throws HypervisorException {
    source.putDescription(
        DOMAIN,
        new GuestDescription(
            FakeHypervisor.running(DOMAIN, "web"),
            "x86_64",
            "pc-q35-10.0",
            "kvm",
            null,
            List.of(),
            List.of(
                new Disk(
                    "vda",
                    Disk.Kind.File,
                    null,
                    null,
                    "/root/web.img",
                    "raw",
                    1,
                    1,
                    false,
                    false,
                    false)),
            Surroundings.NONE,
            List.of()));
    role.handle(migration(Phase.PreMigration, null, null));
    awaitSaid(State.Refused);
    assertThat(Objects.requireNonNull(reports.source()).reason())
        .isEqualTo(Reason.DiskOutsidePool.name());
  }

  @Test
  void noDiskGoesWhileADomainIsHere() throws HypervisorException {
    var guest = inspected().guest();
    try (var next = new NextLife()) {
      assertThat(next.finds(Phase.Commitment, State.Switched, guest)).isPresent();
    }
    assertThat(source.volume("default", "web.qcow2")).isPresent();
    assertThat(source.domain(DOMAIN)).map(DomainState::run).contains(Run.Running);
  }

  @Test
  void backingImagesAreReadForATargetThatDoesNotAnswerWithout() throws HypervisorException {
    source.putVolume("default", "base", "abc");
    source.putDescription(
        DOMAIN,
        new GuestDescription(
            FakeHypervisor.running(DOMAIN, "web"),
            "x86_64",
            "pc-q35-10.0",
            "kvm",
            null,
            List.of(),
            List.of(
                new Disk(
                    "vda",
                    Disk.Kind.File,
                    "default",
                    "web.qcow2",
                    "/pools/default/web.qcow2",
                    "qcow2",
                    1,
                    1,
                    false,
                    false,
                    true,
                    List.of(
                        new GuestDescription.BackingImage(
                            "default", "base", "/pools/default/base", "qcow2", 3)))),
            Surroundings.NONE,
            List.of()));
    var described = inspected();
    assertThat(described.guest().disks().getFirst().backingOrEmpty())
        .singleElement()
        .satisfies(
            image -> {
              assertThat(image.sha256()).isNull();
              assertThat(image.probe()).isNotNull();
            });
    role.handle(migration(Phase.PreMigration, described, null));
    assertThat(source.lookUps("volumeDigest")).as("the target has answered").isZero();
    await()
        .until(
            () -> {
              var silent =
                  RecordedReports.migration(
                      RecordedReports.spec(),
                      DOMAIN,
                      Phase.PreMigration,
                      reports.source(),
                      null,
                      null);
              role.handle(silent);
              return reports.source().guest().disks().getFirst().backingOrEmpty().stream()
                  .allMatch(image -> "616263".equals(image.sha256()));
            });
    assertThat(reports.source().state()).isEqualTo(State.Inspected);
  }

  @Test
  void zeroCopyThatCanNotBeIsRefusedBeforehand() throws HypervisorException {
    var spec =
        LiveMigrationSpec.builder("web")
            .target(new LiveMigrationSpec.Target("n2", null))
            .parallelConnections(2)
            .zeroCopy(true)
            .build();
    role.handle(RecordedReports.migration(spec, DOMAIN, Phase.PreMigration, null, null, null));
    awaitSaid(State.Refused);
    assertThat(Objects.requireNonNull(reports.source()).reason())
        .isEqualTo(Reason.ZeroCopyUnsupported.name());
    assertThat(source.calls()).as("nothing is touched").isEmpty();
  }
}
