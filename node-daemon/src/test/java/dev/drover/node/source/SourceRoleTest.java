package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.GuestDescription.Disk;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.VolumeState;
import dev.drover.node.report.RecordedReports;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SourceRoleTest {
  private static final UUID DOMAIN = UUID.fromString("5b0a1e52-0000-4000-8000-000000000001");
  private static final long MIB = 1 << 20;

  private final FakeHypervisor source = new FakeHypervisor(InstantSource.system());
  private final FakeHypervisor target = new FakeHypervisor(InstantSource.system());
  private final RecordedReports reports = new RecordedReports();
  private final PeerAddress address = new PeerAddress(address(), Transport.tcp);
  private final SourceRole role =
      new SourceRole(
          "n1",
          source,
          node -> Optional.of(address),
          reports.queue("drover-source"),
          InstantSource.system());

  private static InetAddress address() {
    try {
      return InetAddress.getByName("10.98.0.2");
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  @BeforeEach
  void hosts() {
    source.subscribe(role);
    source.putPeer(address.address(), target);
    source.putPool(new PoolState("default", true, true, 1000 * MIB, 500 * MIB));
    source.put(FakeHypervisor.running(DOMAIN, "web"));
    describe(List.of());
    source.putVolume(
        new VolumeState("default", "web.qcow2", "/pools/default/web.qcow2", "qcow2", MIB, MIB));
  }

  @AfterEach
  void stop() {
    reports.close();
  }

  private void describe(List<Blocker> blockers) {
    source.putDescription(
        DOMAIN,
        new GuestDescription(
            FakeHypervisor.running(DOMAIN, "web"),
            "x86_64",
            "pc-q35-10.0",
            "kvm",
            List.of(
                new Disk(
                    "vda",
                    Disk.Kind.File,
                    "default",
                    "web.qcow2",
                    "/pools/default/web.qcow2",
                    "qcow2",
                    MIB,
                    MIB,
                    false,
                    false,
                    false)),
            blockers));
  }

  private static final TargetReport RESERVED =
      new TargetReport(
          "n2",
          TargetReport.State.Reserved,
          Reason.TargetReserved.name(),
          null,
          "2026-11-23T12:00:00Z",
          List.of(new DiskPlan("vda", DiskPlan.Action.Copy, "default", "web.qcow2", "qcow2", MIB)));

  private LiveMigration migration(
      Phase phase, @Nullable SourceReport own, @Nullable Failure failure) {
    return RecordedReports.migration(RecordedReports.spec(), DOMAIN, phase, own, RESERVED, failure);
  }

  private SourceReport inspected() throws HypervisorException {
    role.handle(migration(Phase.PreMigration, null, null));
    awaitSaid(State.Inspected);
    return Objects.requireNonNull(reports.source());
  }

  private void awaitSaid(State state) {
    await().untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(state));
  }

  private static JobStatistics job() {
    return new JobStatistics(
        JobStatistics.Operation.MigrationOut,
        JobStatistics.State.Active,
        1000,
        OptionalLong.empty(),
        1024 * MIB,
        100 * MIB,
        924 * MIB,
        50 * MIB,
        MIB,
        1,
        MIB,
        MIB,
        0,
        0,
        OptionalLong.empty());
  }

  private FakeHypervisor.FakeTransfer begin() throws HypervisorException {
    inspected();
    source.putJob(DOMAIN, Optional.of(job()));
    role.handle(migration(Phase.PreCopy, null, null));
    awaitSaid(State.Transferring);
    await().until(() -> source.calls().stream().anyMatch(c -> c.startsWith("startTransfer")));
    return source.transfer(DOMAIN);
  }

  /** The target has all of the guest, and holds it. */
  private void landPaused() {
    target.put(FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), Run.Paused, "user"));
  }

  @Test
  void theGuestIsDescribedAndAProbeLiesBesideItsDisk() throws HypervisorException {
    var guest = inspected().guest();
    assertThat(guest.domainName()).isEqualTo("web");
    assertThat(guest.disks())
        .singleElement()
        .satisfies(
            d -> {
              assertThat(d.probe().content()).hasSize(32);
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
  void theProbeGoesOnceTheTargetHasLooked() throws HypervisorException {
    var own = inspected();
    role.handle(migration(Phase.Reservation, own, null));
    assertThat(source.readProbe("default", own.guest().disks().getFirst().probe().volume(), 100))
        .isEmpty();
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
        .atMost(Duration.ofSeconds(5))
        .until(() -> target.calls().stream().noneMatch(c -> c.startsWith("resume")));
    process.release();
    awaitSaid(State.Switched);
    assertThat(target.calls()).contains("resume " + DOMAIN);
    assertThat(reports.source().result().commit()).isEqualTo("Fenced");
    assertThat(reports.source().result().downtimeMilliseconds()).isGreaterThanOrEqualTo(600);
    await().until(transfer::isClosed);
    await().until(process::isClosed);
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
  void aSourceThatIsHeldWithoutATransferIsNotGuessedAt() throws HypervisorException {
    var transfer = begin();
    landPaused();
    source.become(DOMAIN, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Other, 1, "client socket is closed"));
    await()
        .atMost(Duration.ofSeconds(15))
        .untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(State.HandOverPending));
    assertThat(target.calls()).noneMatch(c -> c.startsWith("resume"));
    // And it is told when it turns out.
    source.become(DOMAIN, Run.Running, "migration canceled", DomainEvent.Resumed);
    awaitSaid(State.Stopped);
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
    assertThat(target.calls()).noneMatch(c -> c.startsWith("resume"));
  }

  @Test
  void anAbortIsAskedOfLibvirtAndItsOutcomeIsTold() throws HypervisorException {
    var transfer = begin();
    var failure = Failure.of(Reason.Deleted, "deleted", null, Phase.PreCopy);
    role.handle(migration(Phase.PreCopy, null, failure));
    await().until(() -> source.calls().contains("abortJob " + DOMAIN));
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Aborted, 78, "canceled by client"));
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.Deleted.name());
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

  /** The same host's daemon in its next life, with reports of its own. */
  private final class NextLife implements AutoCloseable {
    final RecordedReports reports = new RecordedReports();
    final SourceRole role =
        new SourceRole(
            "n1",
            source,
            node -> Optional.of(address),
            reports.queue("drover-source"),
            InstantSource.system());

    NextLife() {
      source.subscribe(role);
    }

    /** Finds a migration that its earlier life left like that. */
    Optional<Duration> finds(Phase phase, State state, SourceReport.Guest guest)
        throws HypervisorException {
      var own = new SourceReport("n1", state, "x", null, "2026-11-23T12:00:00Z", guest, null);
      return role.handle(migration(phase, own, null));
    }

    void awaitSaid(State state) {
      await()
          .atMost(Duration.ofSeconds(15))
          .untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(state));
    }

    @Override
    public void close() {
      reports.close();
    }
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
        .atMost(Duration.ofSeconds(5))
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
  void noDiskGoesWhileADomainIsHere() throws HypervisorException {
    var guest = inspected().guest();
    try (var next = new NextLife()) {
      assertThat(next.finds(Phase.Commitment, State.Switched, guest)).isPresent();
    }
    assertThat(source.volume("default", "web.qcow2")).isPresent();
    assertThat(source.domain(DOMAIN)).map(DomainState::run).contains(Run.Running);
  }
}
