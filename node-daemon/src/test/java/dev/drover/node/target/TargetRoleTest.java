package dev.drover.node.target;

import static dev.drover.node.report.RecordedReports.inAttempt;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Storage;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.Probe;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.hypervisor.VolumeState;
import dev.drover.node.report.RecordedReports;
import dev.drover.node.watchdog.WatchdogPolicy;
import dev.drover.node.way.Doors;
import dev.drover.node.way.Way;
import java.net.InetAddress;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TargetRoleTest {
  private static final UUID DOMAIN = UUID.fromString("5b0a1e52-0000-4000-8000-000000000001");
  private static final long MIB = 1 << 20;
  static final Way WAY =
      new Way(new Doors(InetAddress.getLoopbackAddress(), PortRange.LIBVIRTS), Optional.empty());

  private final FakeHypervisor host = new FakeHypervisor(InstantSource.system());
  private final RecordedReports reports = new RecordedReports();
  private int maxIncoming = 2;
  private Optional<String> copyPool = Optional.empty();
  private final TargetRole role =
      new TargetRole(
          "n2",
          host,
          new NodeLimits() {
            @Override
            public int maxIncoming() {
              return maxIncoming;
            }

            @Override
            public Optional<String> copyPool() {
              return copyPool;
            }
          },
          WAY,
          reports.queue("drover-target"),
          InstantSource.system());

  @BeforeEach
  void pool() {
    role.restore(List.of());
    host.putNetwork("blue");
    host.putPool(new PoolState("default", true, true, 1000 * MIB, 500 * MIB));
  }

  @AfterEach
  void stop() {
    reports.close();
  }

  private static Disk disk(String target, @Nullable Probe probe) {
    return new Disk(
        target,
        Disk.Kind.File,
        "default",
        "web-" + target + ".qcow2",
        "/pools/default/web-" + target + ".qcow2",
        "qcow2",
        200 * MIB,
        100 * MIB,
        false,
        false,
        false,
        probe);
  }

  private static Guest guest(Disk... disks) {
    return new Guest(
        "web",
        false,
        true,
        1024 * MIB,
        2,
        "x86_64",
        "pc-q35-10.0",
        "kvm",
        "<cpu/>",
        List.of("blue"),
        null,
        List.of(disks));
  }

  private static SourceReport source(SourceReport.State state, Guest guest) {
    return new SourceReport(
        "n1", state, "Inspected", null, "2026-11-23T12:00:00Z", null, guest, null);
  }

  private TargetReport handle(
      Phase phase,
      Storage storage,
      SourceReport source,
      @Nullable TargetReport own,
      @Nullable Failure failure)
      throws HypervisorException {
    role.handle(
        RecordedReports.migration(
            RecordedReports.spec(storage, CommitOrder.Fenced),
            DOMAIN,
            phase,
            source,
            own,
            failure));
    await().until(() -> reports.target() != null);
    return Objects.requireNonNull(reports.target());
  }

  private TargetReport check(Storage storage, Disk... disks) throws HypervisorException {
    return handle(
        Phase.PreMigration,
        storage,
        source(SourceReport.State.Inspected, guest(disks)),
        null,
        null);
  }

  private void awaitState(TargetReport.State state) {
    await().until(() -> reports.target() != null);
    await()
        .untilAsserted(
            () -> assertThat(Objects.requireNonNull(reports.target()).state()).isEqualTo(state));
  }

  @Test
  void aLocalDiskIsPlannedToBeCopied() throws HypervisorException {
    var report = check(Storage.Auto, disk("vda", new Probe("probe", "abc")));
    assertThat(report.state()).isEqualTo(TargetReport.State.Checked);
    assertThat(report.copies()).extracting(DiskPlan::target).containsExactly("vda");
    assertThat(host.calls()).as("nothing is touched").isEmpty();
  }

  @Test
  void theNextAttemptIsCheckedAnew() throws HypervisorException {
    var first = check(Storage.Auto, disk("vda", null));
    assertThat(first.attempt()).isNull();
    var inspected =
        new SourceReport(
            "n1",
            SourceReport.State.Inspected,
            "Inspected",
            null,
            "2026-11-23T12:01:00Z",
            null,
            null,
            guest(disk("vda", null)),
            null,
            null,
            2);
    // What both said of the attempt before has another number, and is nobody's word any more.
    role.handle(
        inAttempt(
            2,
            RecordedReports.migration(
                RecordedReports.spec(),
                DOMAIN,
                Phase.PreMigration,
                source(SourceReport.State.Inspected, guest(disk("vda", null))),
                first,
                null)));
    role.handle(
        inAttempt(
            2,
            RecordedReports.migration(
                RecordedReports.spec(), DOMAIN, Phase.PreMigration, inspected, first, null)));
    await().until(() -> Objects.equals(reports.target().attempt(), 2));
    assertThat(reports.target().state()).isEqualTo(TargetReport.State.Checked);
  }

  @Test
  void aDiskWhoseProbeIsReadHereStays() throws HypervisorException {
    host.writeProbe("default", "probe", "abc".getBytes(US_ASCII));
    var report = check(Storage.Auto, disk("vda", new Probe("probe", "abc")));
    assertThat(report.copies()).isEmpty();
  }

  @Test
  void aProbeWithOtherContentProvesNothing() throws HypervisorException {
    host.writeProbe("default", "probe", "xyz".getBytes(US_ASCII));
    var report = check(Storage.Auto, disk("vda", new Probe("probe", "abc")));
    assertThat(report.copies()).hasSize(1);
  }

  @Test
  void sharedIsRefusedWithoutProof() throws HypervisorException {
    assertRefused(
        check(Storage.Shared, disk("vda", new Probe("probe", "abc"))), Reason.StorageNotShared);
  }

  @Test
  void blockIsRefusedWhereTheBytesAreTheSame() throws HypervisorException {
    host.writeProbe("default", "probe", "abc".getBytes(US_ASCII));
    assertRefused(
        check(Storage.Block, disk("vda", new Probe("probe", "abc"))), Reason.StorageIsShared);
  }

  @Test
  void aVolumeOfThatNameIsNotTouched() throws HypervisorException {
    host.putVolume(
        new VolumeState("default", "web-vda.qcow2", "/pools/default/web-vda.qcow2", "qcow2", 1, 1));
    assertRefused(check(Storage.Auto, disk("vda", null)), Reason.VolumeExists);
  }

  @Test
  void aDomainOfThatNameOrUuidIsNotTouched() throws HypervisorException {
    host.put(FakeHypervisor.running(UUID.randomUUID(), "web"));
    assertRefused(check(Storage.Auto), Reason.DomainExistsOnTarget);
  }

  @Test
  void tooLittleMemoryIsRefused() throws HypervisorException {
    host.setAvailableMemoryBytes(1000 * MIB);
    assertRefused(check(Storage.Auto), Reason.InsufficientMemory);
  }

  @Test
  void tooLittleRoomIsRefusedForAllDisksTogether() throws HypervisorException {
    host.putPool(new PoolState("default", true, true, 1000 * MIB, 150 * MIB));
    assertRefused(
        check(Storage.Auto, disk("vda", null), disk("vdb", null)), Reason.InsufficientDiskSpace);
  }

  @Test
  void roomIsJudgedAsItIsAfterThePoolWasRefreshed() throws HypervisorException {
    host.putPool(new PoolState("default", true, true, 1000 * MIB, 0));
    host.putPoolOnceRefreshed(new PoolState("default", true, true, 1000 * MIB, 500 * MIB));
    assertThat(check(Storage.Auto, disk("vda", null)).state())
        .isEqualTo(TargetReport.State.Checked);
  }

  @Test
  void anInactivePoolIsRefused() throws HypervisorException {
    host.putPool(new PoolState("default", false, true, 0, 0));
    assertRefused(check(Storage.Auto, disk("vda", null)), Reason.PoolMissing);
  }

  @Test
  void aCpuThatLibvirtCantGiveIsRefusedInItsWords() throws HypervisorException {
    host.setCpuDifference("Host CPU does not provide required features: avx512f");
    var report = check(Storage.Auto);
    assertRefused(report, Reason.CpuIncompatible);
    assertThat(report.message()).contains("avx512f");
  }

  @Test
  void aMissingNetworkIsRefused() throws HypervisorException {
    var guest =
        new Guest(
            "web",
            false,
            true,
            1024 * MIB,
            2,
            "x86_64",
            "pc-q35-10.0",
            "kvm",
            null,
            List.of("blue", "red"),
            null,
            List.of());
    var report =
        handle(
            Phase.PreMigration,
            Storage.Auto,
            source(SourceReport.State.Inspected, guest),
            null,
            null);
    assertRefused(report, Reason.NetworkMissing);
    assertThat(report.message()).contains("red").doesNotContain("blue");
  }

  @Test
  void allThatIsInTheWayIsToldAtOnceWithItsRemedy() throws HypervisorException {
    host.put(FakeHypervisor.running(UUID.randomUUID(), "web"));
    host.setMachinesSupported(false);
    host.setAvailableMemoryBytes(1000 * MIB);
    host.putPool(new PoolState("default", true, true, 1000 * MIB, 50 * MIB));
    host.putVolume(
        new VolumeState("default", "web-vda.qcow2", "/pools/default/web-vda.qcow2", "qcow2", 1, 1));
    var report = check(Storage.Auto, disk("vda", null));
    assertRefused(report, Reason.DomainExistsOnTarget);
    assertThat(report.blockers())
        .extracting(Blocker::reason)
        .containsExactly(
            "DomainExistsOnTarget",
            "MachineTypeUnsupported",
            "InsufficientMemory",
            "VolumeExists",
            "InsufficientDiskSpace");
    assertThat(report.blockers()).allSatisfy(b -> assertThat(b.remedy()).isNotBlank());
    assertThat(report.message()).contains("web").contains("MiB").contains("web-vda.qcow2");
  }

  @Test
  void anUnknownMachineTypeIsRefused() throws HypervisorException {
    host.setMachinesSupported(false);
    assertRefused(check(Storage.Auto), Reason.MachineTypeUnsupported);
  }

  private static void assertRefused(TargetReport report, Reason reason) {
    assertThat(report.state()).isEqualTo(TargetReport.State.Refused);
    assertThat(report.reason()).isEqualTo(reason.name());
    assertThat(report.message()).isNotBlank();
  }

  private TargetReport checked(Disk... disks) throws HypervisorException {
    return check(Storage.Auto, disks);
  }

  private void reserve(TargetReport own, Disk... disks) throws HypervisorException {
    handle(
        Phase.Reservation,
        Storage.Auto,
        source(SourceReport.State.Inspected, guest(disks)),
        own,
        null);
  }

  @Test
  void aReservationMakesTheVolumesAndHoldsASlot() throws HypervisorException {
    var disks = new Disk[] {disk("vda", null), disk("vdb", null)};
    reserve(checked(disks), disks);
    awaitState(TargetReport.State.Reserved);
    assertThat(host.volumes())
        .extracting(VolumeState::name)
        .contains("web-vda.qcow2", "web-vdb.qcow2");
    assertThat(role.reservations()).isEqualTo(1);
    assertThat(reports.last().condition(ConditionType.TargetReady))
        .hasValueSatisfying(c -> assertThat(c.status()).isEqualTo(Condition.TRUE));
  }

  @Test
  void aVolumeThatSomebodyMadeMeanwhileIsNotTouched() throws HypervisorException {
    var disk = disk("vda", null);
    var own = checked(disk);
    host.putVolume(
        new VolumeState("default", "web-vda.qcow2", "/pools/default/web-vda.qcow2", "qcow2", 1, 1));
    reserve(own, disk);
    awaitState(TargetReport.State.Refused);
    assertThat(reports.target().reason()).isEqualTo(Reason.VolumeExists.name());
    assertThat(host.volumes()).extracting(VolumeState::name).containsExactly("web-vda.qcow2");
  }

  @Test
  void anAbortBeforeTheReservationRemovesNobodysVolume() throws HypervisorException {
    var disk = disk("vda", null);
    var own = checked(disk);
    host.putVolume(
        new VolumeState("default", "web-vda.qcow2", "/pools/default/web-vda.qcow2", "qcow2", 1, 1));
    handle(
        Phase.Reservation,
        Storage.Auto,
        source(SourceReport.State.Stopped, guest(disk)),
        own,
        FAILURE);
    awaitState(TargetReport.State.Clean);
    assertThat(host.volumes()).extracting(VolumeState::name).containsExactly("web-vda.qcow2");
  }

  @Test
  void aRestartInTheMiddleOfAReservationFindsWhatItMade() throws HypervisorException {
    var disks = new Disk[] {disk("vda", null), disk("vdb", null)};
    var own = checked(disks);
    host.fail("createVolume", new HypervisorException(Kind.Timeout, -1, "too slow"));
    assertThatThrownBy(() -> reserve(own, disks)).isInstanceOf(HypervisorException.class);
    reserve(own, disks);
    awaitState(TargetReport.State.Reserved);
    handle(
        Phase.PreCopy,
        Storage.Auto,
        source(SourceReport.State.Transferring, guest(disks)),
        null,
        null);
    assertThat(host.volumes())
        .extracting(VolumeState::name)
        .containsExactlyInAnyOrder("web-vda.qcow2", "web-vdb.qcow2");
  }

  @Test
  void nothingIsPromisedBeforeTheOldPromisesAreKnown() throws HypervisorException {
    var fresh = new RecordedReports();
    var restarted =
        new TargetRole(
            "n2", host, () -> 1, WAY, fresh.queue("drover-target"), InstantSource.system());
    var migration =
        RecordedReports.migration(
            RecordedReports.spec(),
            DOMAIN,
            Phase.PreMigration,
            source(SourceReport.State.Inspected, guest()),
            null,
            null);
    assertThat(restarted.handle(migration)).isPresent();
    assertThat(fresh.target()).isNull();
    restarted.restore(List.of());
    restarted.handle(migration);
    await().until(() -> fresh.target() != null);
    fresh.close();
  }

  @Test
  void aSlotThatIsAboutToBeFreeIsWaitedFor() throws HypervisorException {
    maxIncoming = 0;
    var migration = waiting();
    finisher.restore(List.of());
    assertThat(finisher.handle(migration)).isPresent();
    assertThat(reports.target()).isNull();

    maxIncoming = 1;
    assertThat(finisher.handle(migration)).isEmpty();
    awaitState(TargetReport.State.Reserved);
    assertThat(finisher.reservations()).isEqualTo(1);
  }

  @Test
  void withoutAFreeSlotItIsRefusedAfterAWhile() throws HypervisorException {
    maxIncoming = 0;
    var migration = waiting();
    finisher.restore(List.of());
    assertThat(finisher.handle(migration)).isPresent();

    time.set(time.get().plus(TargetRole.PLACE_PATIENCE));
    assertThat(finisher.handle(migration)).isEmpty();
    awaitState(TargetReport.State.Refused);
    assertThat(reports.target().reason()).isEqualTo(Reason.NoFreeSlot.name());
    assertThat(finisher.reservations()).isZero();
  }

  @Test
  void markersOfWhatHasEndedAreRemovedAndNobodyElses() throws HypervisorException {
    var uid = "under-way";
    host.writeProbe("default", "drover-making-" + uid, (uid + " n2").getBytes(US_ASCII));
    host.writeProbe("default", "drover-making-ended", "ended n2".getBytes(US_ASCII));
    host.writeProbe("default", "drover-making-others", "others n3".getBytes(US_ASCII));
    host.writeProbe("default", "drover-probe-ended", "ended n2".getBytes(US_ASCII));

    role.removeLeftMarkers(() -> Set.of(uid));

    assertThat(host.volumeNames("default"))
        .contains("drover-making-" + uid, "drover-making-others", "drover-probe-ended")
        .doesNotContain("drover-making-ended");
  }

  @Test
  void theMarkerGoesAlsoIfTheTransferWasOverBeforeItWasSeen() throws HypervisorException {
    var disks = new Disk[] {disk("vda", null)};
    reserve(checked(disks), disks);
    awaitState(TargetReport.State.Reserved);
    assertThat(host.volumes())
        .extracting(VolumeState::name)
        .anyMatch(name -> name.startsWith("drover-making-"));

    handle(
        Phase.Succeeded,
        Storage.Auto,
        source(SourceReport.State.Switched, guest(disks)),
        reports.target(),
        null);

    assertThat(host.volumes())
        .extracting(VolumeState::name)
        .noneMatch(name -> name.startsWith("drover-making-"));
    assertThat(role.reservations()).isZero();
  }

  /** Its end was told while this process did not listen yet. */
  @Test
  void whatHasEndedWithoutAWordHoldsNothing() {
    var before = orphan(SourceReport.State.Transferring, CommitOrder.Fenced, guest());
    role.restore(List.of(before));
    assertThat(role.reservations()).isEqualTo(1);

    role.releaseEnded(() -> Set.of(before.getMetadata().getUid()));
    assertThat(role.reservations()).isEqualTo(1);

    role.releaseEnded(Set::of);
    assertThat(role.reservations()).isZero();
  }

  private LiveMigration waiting() {
    return RecordedReports.migration(
        RecordedReports.spec(),
        DOMAIN,
        Phase.Reservation,
        source(SourceReport.State.Inspected, guest()),
        new TargetReport(
            "n2",
            TargetReport.State.Checked,
            "Checked",
            null,
            "2026-11-23T12:00:00Z",
            null,
            List.of()),
        null);
  }

  @Test
  void whenOneVolumeCantBeMadeNoneIsLeft() throws HypervisorException {
    var disks = new Disk[] {disk("vda", null), disk("vdb", null)};
    var own = checked(disks);
    host.putPool(new PoolState("default", true, true, 1000 * MIB, 500 * MIB));
    host.fail("createVolume", new HypervisorException(Kind.NoSpace, 38, "No space left on device"));
    reserve(own, disks);
    awaitState(TargetReport.State.Refused);
    assertThat(reports.target().reason()).isEqualTo(Reason.InsufficientDiskSpace.name());
    assertThat(host.volumes()).isEmpty();
    assertThat(role.reservations()).isZero();
  }

  @Test
  void aPoolAtAnotherPathIsRefusedAndNothingIsLeft() throws HypervisorException {
    var moved =
        new Disk(
            "vda",
            Disk.Kind.File,
            "default",
            "web.qcow2",
            "/elsewhere/web.qcow2",
            "qcow2",
            MIB,
            0,
            false,
            false,
            false,
            null);
    reserve(checked(moved), moved);
    awaitState(TargetReport.State.Refused);
    assertThat(reports.target().reason()).isEqualTo(Reason.PoolMissing.name());
    assertThat(host.volumes()).isEmpty();
  }

  @Test
  void memoryThatIsPromisedIsNotPromisedTwice() throws HypervisorException {
    host.setAvailableMemoryBytes(1500 * MIB);
    reserve(checked());
    awaitState(TargetReport.State.Reserved);
    var other =
        RecordedReports.migration(
            RecordedReports.spec(),
            UUID.randomUUID(),
            Phase.PreMigration,
            source(
                SourceReport.State.Inspected,
                new Guest(
                    "db",
                    false,
                    true,
                    1024 * MIB,
                    2,
                    "x86_64",
                    "pc-q35-10.0",
                    "kvm",
                    null,
                    null,
                    null,
                    List.of())),
            null,
            null);
    other.getMetadata().setUid("uid-2");
    role.handle(other);
    awaitState(TargetReport.State.Refused);
    assertThat(reports.target().reason()).isEqualTo(Reason.InsufficientMemory.name());
  }

  private static final Failure FAILURE =
      Failure.of(Reason.TransferFailed, "libvirt said no", "n1", Phase.PreCopy);

  private TargetReport reserved() throws HypervisorException {
    var disk = disk("vda", null);
    reserve(checked(disk), disk);
    awaitState(TargetReport.State.Reserved);
    return Objects.requireNonNull(reports.target());
  }

  @Test
  void nothingIsRemovedBeforeTheSourceHasSpoken() throws HypervisorException {
    var own = reserved();
    host.put(
        FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), DomainState.Run.Paused, "user"));
    for (var state :
        List.of(
            SourceReport.State.Transferring,
            SourceReport.State.Switching,
            SourceReport.State.HandOverPending,
            SourceReport.State.Switched)) {
      handle(Phase.PreCopy, Storage.Auto, source(state, guest(disk("vda", null))), own, FAILURE);
    }
    assertThat(host.calls()).noneMatch(c -> c.startsWith("destroy") || c.startsWith("delete"));
    assertThat(host.volumes()).extracting(VolumeState::name).contains("web-vda.qcow2");
  }

  @Test
  void afterAFailureTheGuestTheVolumesAndTheHoldAreGone() throws HypervisorException {
    var own = reserved();
    host.put(
        FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), DomainState.Run.Paused, "user"));
    handle(
        Phase.PreCopy,
        Storage.Auto,
        source(SourceReport.State.Stopped, guest(disk("vda", null))),
        own,
        FAILURE);
    awaitState(TargetReport.State.Clean);
    assertThat(host.domain(DOMAIN)).isEmpty();
    assertThat(host.volumes()).isEmpty();
    assertThat(role.reservations()).isZero();
  }

  /** Its disks here are the only ones that have what it wrote last. */
  @Test
  void theVolumesOfALostGuestThatMayHaveRunHereAreKept() throws HypervisorException {
    var own = reserved();
    host.put(
        FakeHypervisor.in(
            FakeHypervisor.running(DOMAIN, "web"), DomainState.Run.PausedForPostCopy, "failed"));
    handle(
        Phase.PostCopy,
        Storage.Auto,
        new SourceReport(
            "n1",
            SourceReport.State.GuestLost,
            Reason.GuestLostAfterSwitchover.name(),
            null,
            "2026-11-23T12:00:00Z",
            null,
            guest(disk("vda", null)),
            null),
        own,
        FAILURE);
    awaitState(TargetReport.State.Clean);
    assertThat(reports.target().message()).contains("kept here", "web-vda.qcow2 in pool default");
    assertThat(host.domain(DOMAIN))
        .get()
        .extracting(DomainState::run)
        .isEqualTo(DomainState.Run.ShutOff);
    assertThat(host.volumes()).extracting(VolumeState::name).containsExactly("web-vda.qcow2");
    assertThat(role.reservations()).isZero();
  }

  @Test
  void aGuestThatRunsHereIsNeverDestroyed() throws HypervisorException {
    var own = reserved();
    host.put(FakeHypervisor.running(DOMAIN, "web"));
    handle(
        Phase.PreCopy,
        Storage.Auto,
        source(SourceReport.State.Stopped, guest(disk("vda", null))),
        own,
        FAILURE);
    assertThat(host.domain(DOMAIN)).isPresent();
    assertThat(host.volumes()).extracting(VolumeState::name).contains("web-vda.qcow2");
    assertThat(reports.target().state()).isEqualTo(TargetReport.State.Reserved);
  }

  @Test
  void afterARestartTheHoldIsTakenAgain() throws HypervisorException {
    var disk = disk("vda", null);
    var own =
        new TargetReport(
            "n2",
            TargetReport.State.Reserved,
            Reason.TargetReserved.name(),
            null,
            "2026-11-23T12:00:00Z",
            null,
            List.of());
    role.handle(
        RecordedReports.migration(
            RecordedReports.spec(),
            DOMAIN,
            Phase.PreCopy,
            source(SourceReport.State.Transferring, guest(disk)),
            own,
            null));
    assertThat(role.reservations()).isEqualTo(1);
  }

  private TargetReport handleLost(TargetReport own) throws HypervisorException {
    role.handle(
        RecordedReports.migration(
            RecordedReports.spec(Storage.Auto, CommitOrder.Fenced),
            DOMAIN,
            Phase.StopAndCopy,
            source(SourceReport.State.Switching, guest(disk("vda", null))),
            own,
            new Failure("SourceHostLost", "n1 is fenced.", "n1", "StopAndCopy")));
    await().until(() -> reports.target() != null);
    return Objects.requireNonNull(reports.target());
  }

  private static DomainState arrival(DomainState.Run run) {
    return new DomainState(DOMAIN, "web", run, "user", true, 1024 * MIB, 2, null);
  }

  private static TargetReport reserved(DiskPlan.Action action, String message) {
    boolean copy = action == DiskPlan.Action.Copy;
    return new TargetReport(
        "n2",
        TargetReport.State.Reserved,
        "TargetReserved",
        message,
        "2026-11-23T12:00:00Z",
        null,
        List.of(
            new DiskPlan(
                "vda",
                action,
                copy ? "default" : null,
                copy ? "web-vda.qcow2" : null,
                copy ? "qcow2" : null,
                copy ? Long.valueOf(200 * MIB) : null)));
  }

  @Test
  void aHeldGuestWhoseDisksCameAlongGoesOnWithoutItsSource() throws HypervisorException {
    host.put(arrival(DomainState.Run.Paused));
    assertThat(handleLost(reserved(DiskPlan.Action.Copy, "held")).state())
        .isEqualTo(TargetReport.State.Settled);
    assertThat(host.domain(DOMAIN).orElseThrow().run()).isEqualTo(DomainState.Run.Running);
  }

  @Test
  void aHeldGuestWithSharedDisksIsStartedAnewAfterThatWasWritten() throws HypervisorException {
    host.put(arrival(DomainState.Run.Paused));
    var intention = handleLost(reserved(DiskPlan.Action.Stay, "held"));
    assertThat(intention.state()).isEqualTo(TargetReport.State.Reserved);
    assertThat(intention.message()).contains("about to be started anew");
    assertThat(host.domain(DOMAIN).orElseThrow().run()).isEqualTo(DomainState.Run.Paused);

    handleLost(reserved(DiskPlan.Action.Stay, intention.message()));
    awaitState(TargetReport.State.Settled);
    assertThat(host.calls()).anyMatch(call -> call.startsWith("destroy"));
    assertThat(host.domain(DOMAIN).orElseThrow().run()).isEqualTo(DomainState.Run.Running);
  }

  @Test
  void whatCameInOnlyHalfGoesWithItsVolumes() throws HypervisorException {
    host.putVolume(
        new VolumeState("default", "web-vda.qcow2", "/pools/default/web-vda.qcow2", "qcow2", 1, 1));
    host.put(arrival(DomainState.Run.PausedForMigration));
    assertThat(handleLost(reserved(DiskPlan.Action.Copy, "held")).state())
        .isEqualTo(TargetReport.State.Clean);
    assertThat(host.domain(DOMAIN)).isEmpty();
    assertThat(host.volume("default", "web-vda.qcow2")).isEmpty();
  }

  @Test
  void aHostThatCanNotReceiveAPostCopySaysSoIfOneMayComeToIt() throws HypervisorException {
    host.setPostCopyObstacle("no userfaultfd");
    role.handle(
        RecordedReports.migration(
            RecordedReports.spec(Storage.Auto, CommitOrder.Direct),
            DOMAIN,
            Phase.PreMigration,
            source(SourceReport.State.Inspected, guest()),
            null,
            null));
    awaitState(TargetReport.State.Refused);
    assertThat(Objects.requireNonNull(reports.target()).blockersOrEmpty())
        .containsExactly(Blocker.of(Reason.PostCopyUnsupported, "no userfaultfd"));
  }

  @Test
  void nobodyIsAskedForPostCopyWhereNoneMayCome() throws HypervisorException {
    host.setPostCopyObstacle("no userfaultfd");
    assertThat(check(Storage.Auto).state()).isEqualTo(TargetReport.State.Checked);
  }

  private static Disk overlay() {
    return new Disk(
        "vda",
        Disk.Kind.File,
        "default",
        "web-vda.qcow2",
        "/pools/default/web-vda.qcow2",
        "qcow2",
        200 * MIB,
        100 * MIB,
        false,
        false,
        true,
        null,
        List.of(
            new SourceReport.BackingImage(
                "default", "base", "/pools/default/base", "qcow2", 80 * MIB, "616263", null)));
  }

  private TargetReport checkOverlay(Storage storage) throws HypervisorException {
    var migration =
        RecordedReports.migration(
            RecordedReports.spec(storage, CommitOrder.Fenced),
            DOMAIN,
            Phase.PreMigration,
            source(SourceReport.State.Inspected, guest(overlay())),
            null,
            null);
    await()
        .until(
            () -> {
              role.handle(migration);
              return reports.target() != null;
            });
    return Objects.requireNonNull(reports.target());
  }

  @Test
  void anOverlayStandsOnTheSameBaseHere() throws HypervisorException {
    host.putVolume("default", "base", "abc");
    var report = checkOverlay(Storage.Auto);
    assertThat(report.state()).as(report.message()).isEqualTo(TargetReport.State.Checked);
    assertThat(report.copies())
        .singleElement()
        .satisfies(
            copy ->
                assertThat(copy.base()).isEqualTo(new DiskPlan.Base("default", "base", "qcow2")));
    handle(
        Phase.Reservation,
        Storage.Auto,
        source(SourceReport.State.Inspected, guest(overlay())),
        report,
        null);
    awaitState(TargetReport.State.Reserved);
    assertThat(host.calls()).contains("createVolume default web-vda.qcow2 on /pools/default/base");
  }

  @Test
  void anOverlayWithoutItsBaseIsRefusedUnlessAllOfItIsCopied() throws HypervisorException {
    var report = checkOverlay(Storage.Auto);
    assertThat(report.state()).isEqualTo(TargetReport.State.Refused);
    assertThat(report.reason()).isEqualTo(Reason.BackingChainNotSupported.name());
    assertThat(report.blockersOrEmpty().getFirst().remedy()).contains("storage: Block");
  }

  @Test
  void aFlattenedCopyNeedsRoomForItsBaseToo() throws HypervisorException {
    host.putPool(new PoolState("default", true, true, 1000 * MIB, 150 * MIB));
    var report = checkOverlay(Storage.Block);
    assertThat(report.reason()).isEqualTo(Reason.InsufficientDiskSpace.name());
    assertThat(report.message()).contains("180 MiB");
  }

  @Test
  void aFlattenedCopyStandsOnNothing() throws HypervisorException {
    var report = checkOverlay(Storage.Block);
    assertThat(report.state()).isEqualTo(TargetReport.State.Checked);
    assertThat(report.copies()).singleElement().extracting(DiskPlan::base).isNull();
  }

  private TargetReport checkNetworkDisk(String... named) {
    var disk =
        new Disk(
            "vdb",
            Disk.Kind.Network,
            null,
            null,
            null,
            "raw",
            200 * MIB,
            0,
            false,
            false,
            false,
            null);
    var spec =
        LiveMigrationSpec.builder("web")
            .target(new LiveMigrationSpec.Target("n2", null))
            .disks(named.length == 0 ? null : List.of(named))
            .build();
    await()
        .until(
            () -> {
              role.handle(
                  RecordedReports.migration(
                      spec,
                      DOMAIN,
                      Phase.PreMigration,
                      source(SourceReport.State.Inspected, guest(disk)),
                      null,
                      null));
              return reports.target() != null;
            });
    return Objects.requireNonNull(reports.target());
  }

  @Test
  void aNetworkVolumeThatIsNotNamedStays() {
    copyPool = Optional.of("default");
    assertThat(checkNetworkDisk().copies()).isEmpty();
  }

  @Test
  void aNamedNetworkVolumeNeedsAPlace() {
    var report = checkNetworkDisk("vdb");
    assertThat(report.reason()).isEqualTo(Reason.DiskNotMovable.name());
    assertThat(report.message()).contains("spec.copyPool");
  }

  @Test
  void aNamedNetworkVolumeIsCopiedToTheHostsPool() throws HypervisorException {
    copyPool = Optional.of("default");
    var report = checkNetworkDisk("vdb");
    assertThat(report.copies())
        .containsExactly(
            new DiskPlan(
                "vdb",
                DiskPlan.Action.Copy,
                "default",
                "web-vdb.raw",
                "raw",
                200 * MIB,
                null,
                true));
    host.putPool(new PoolState("default", true, true, 1000 * MIB, 199 * MIB));
    role.handle(
        RecordedReports.migration(
            RecordedReports.spec(Storage.Auto, CommitOrder.Fenced),
            DOMAIN,
            Phase.Reservation,
            source(SourceReport.State.Inspected, guest()),
            report,
            null));
    awaitState(TargetReport.State.Reserved);
    assertThat(host.calls()).contains("createVolume default web-vdb.raw");
  }

  // A hand-over that the source's daemon does not finish.

  private final FakeHypervisor sourceHost = new FakeHypervisor(InstantSource.system());
  private final PeerAddress sourceAddress =
      new PeerAddress(InetAddress.ofLiteral("10.98.0.1"), PeerAddress.Transport.tcp);
  private final AtomicReference<LiveMigration> onTheServer = new AtomicReference<>();
  private final AtomicReference<Instant> time = new AtomicReference<>(Instant.EPOCH);
  private final TargetRole finisher = finisher(WatchdogPolicy.DEFAULT);

  private TargetRole finisher(WatchdogPolicy policy) {
    return new TargetRole(
        "n2",
        host,
        () -> maxIncoming,
        WAY,
        reports.queue("drover-target"),
        time::get,
        new ImageDigests(host),
        new SourceSide() {
          @Override
          public Optional<PeerAddress> addressOf(String nodeName) {
            return Optional.of(sourceAddress);
          }

          @Override
          public Optional<LiveMigration> now(LiveMigration migration) {
            return Optional.ofNullable(onTheServer.get());
          }
        },
        policy);
  }

  private LiveMigration orphan(SourceReport.State state, CommitOrder commit, Guest guest) {
    return orphan(source(state, guest), commit);
  }

  private LiveMigration orphan(SourceReport source, CommitOrder commit) {
    return RecordedReports.migration(
        RecordedReports.spec(Storage.Auto, commit),
        DOMAIN,
        Phase.PreCopy,
        source,
        new TargetReport(
            "n2",
            TargetReport.State.Reserved,
            "TargetReserved",
            null,
            "2026-11-23T12:00:00Z",
            null,
            List.of()),
        null);
  }

  private void completeAndHeld() {
    host.putPeer(sourceAddress.address(), sourceHost);
    host.put(
        FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), DomainState.Run.Paused, "user"));
  }

  private boolean resumesAfterAWhile(LiveMigration migration) throws HypervisorException {
    finisher.restore(List.of());
    finisher.handle(migration);
    assertThat(host.calls()).noneMatch(c -> c.startsWith("resume"));
    time.set(time.get().plusSeconds(4));
    finisher.handle(migration);
    return host.calls().stream().anyMatch(c -> c.startsWith("resume"));
  }

  @Test
  void aGuestThatTheSourcesLibvirtHasLetGoOfIsResumedHereIfItsDaemonDoesNot()
      throws HypervisorException {
    completeAndHeld();
    var migration = orphan(SourceReport.State.Transferring, CommitOrder.Fenced, guest());
    onTheServer.set(migration);
    assertThat(resumesAfterAWhile(migration)).isTrue();
    await().until(() -> reports.target().message().contains("its daemon did not resume it"));
  }

  @Test
  void itIsNotResumedWhileTheSourceHasAnythingOfIt() throws HypervisorException {
    completeAndHeld();
    sourceHost.put(
        FakeHypervisor.in(
            FakeHypervisor.running(DOMAIN, "web"), DomainState.Run.ShutOff, "migrated"));
    var migration = orphan(SourceReport.State.Switching, CommitOrder.Fenced, guest());
    onTheServer.set(migration);
    assertThat(resumesAfterAWhile(migration)).isFalse();
  }

  @Test
  void itIsNotResumedWhileTheSourceCanNotBeAsked() throws HypervisorException {
    completeAndHeld();
    sourceHost.setConnected(false);
    var migration = orphan(SourceReport.State.Switching, CommitOrder.Fenced, guest());
    onTheServer.set(migration);
    assertThat(resumesAfterAWhile(migration)).isFalse();
  }

  @Test
  void itIsNotResumedWithoutTheApiServersNewestWord() throws HypervisorException {
    completeAndHeld();
    var migration = orphan(SourceReport.State.Switching, CommitOrder.Fenced, guest());
    assertThat(resumesAfterAWhile(migration)).isFalse();
    onTheServer.set(orphan(SourceReport.State.Switched, CommitOrder.Fenced, guest()));
    finisher.handle(migration);
    assertThat(host.calls())
        .as("the source has spoken: it may have left the guest paused on purpose")
        .noneMatch(c -> c.startsWith("resume"));
  }

  @Test
  void aGuestThatIsNotCompleteOrLandsByItselfIsNotResumed() throws HypervisorException {
    completeAndHeld();
    var direct = orphan(SourceReport.State.Switching, CommitOrder.Direct, guest());
    onTheServer.set(direct);
    assertThat(resumesAfterAWhile(direct)).isFalse();
    host.put(
        FakeHypervisor.in(
            FakeHypervisor.running(DOMAIN, "web"),
            DomainState.Run.PausedForMigration,
            "migration"));
    var fenced = orphan(SourceReport.State.Switching, CommitOrder.Fenced, guest());
    onTheServer.set(fenced);
    assertThat(resumesAfterAWhile(fenced)).isFalse();
  }

  private LiveMigration released(SourceReport.State state) {
    return orphan(source(state, guest()).released("2026-11-23T12:00:01Z"), CommitOrder.Fenced);
  }

  private boolean resumed() {
    return host.calls().stream().anyMatch(c -> c.startsWith("resume"));
  }

  private boolean libvirtEnded() {
    return host.calls().stream().anyMatch(c -> c.startsWith("killDaemon"));
  }

  @Test
  void aGuestThatTheSourcesDaemonHasReleasedIsResumedAtOnceThoughItsLibvirtCanNotBeAsked()
      throws HypervisorException {
    completeAndHeld();
    sourceHost.setConnected(false);
    var migration = released(SourceReport.State.Switching);
    onTheServer.set(migration);
    finisher.restore(List.of());
    finisher.handle(migration);
    assertThat(resumed()).isTrue();
    await().until(() -> reports.target().message().contains("could not tell this host's libvirt"));
    assertThat(reports.target().reason()).isEqualTo(Reason.Committing.name());
  }

  @Test
  void aReleaseOfAnAttemptBeforeCountsForNothing() throws HypervisorException {
    completeAndHeld();
    sourceHost.setConnected(false);
    var stale = inAttempt(2, released(SourceReport.State.Switching));
    onTheServer.set(stale);
    assertThat(resumesAfterAWhile(stale)).isFalse();
    // Nor does one of this attempt, once the next has begun.
    onTheServer.set(inAttempt(2, released(SourceReport.State.Switching)));
    assertThat(resumesAfterAWhile(released(SourceReport.State.Switching))).isFalse();
  }

  @Test
  void aReleaseByAnotherNodeThanTheSourceCountsForNothing() throws HypervisorException {
    completeAndHeld();
    sourceHost.setConnected(false);
    var report =
        new SourceReport(
                "n3",
                SourceReport.State.Switching,
                "Switching",
                null,
                "2026-11-23T12:00:00Z",
                null,
                guest(),
                null)
            .released("2026-11-23T12:00:01Z");
    var migration = orphan(report, CommitOrder.Fenced);
    onTheServer.set(migration);
    assertThat(resumesAfterAWhile(migration)).isFalse();
  }

  @Test
  void aReleasedGuestOfWhichTheSourceHasSaidMoreSinceIsLeftAlone() throws HypervisorException {
    completeAndHeld();
    sourceHost.setConnected(false);
    for (var state : List.of(SourceReport.State.Switched, SourceReport.State.GuestLost)) {
      onTheServer.set(released(state));
      assertThat(resumesAfterAWhile(released(SourceReport.State.HandOverPending))).isFalse();
    }
  }

  @Test
  void aReleasedGuestThatIsNotCompleteHereIsNotResumed() throws HypervisorException {
    completeAndHeld();
    host.put(
        FakeHypervisor.in(
            FakeHypervisor.running(DOMAIN, "web"),
            DomainState.Run.PausedForMigration,
            "migration"));
    var migration = released(SourceReport.State.Switching);
    onTheServer.set(migration);
    assertThat(resumesAfterAWhile(migration)).isFalse();
  }

  private static final WatchdogPolicy MAY_RESTART = new WatchdogPolicy(true, true);

  private void lookTwice(TargetRole role, LiveMigration migration) throws HypervisorException {
    role.restore(List.of());
    role.handle(migration);
    assertThat(libvirtEnded()).as("it has not been silent for long").isFalse();
    time.set(time.get().plusMillis(2100));
    role.handle(migration);
  }

  @Test
  void aSilentLibvirtThatHoldsAReleasedGuestIsEndedOnceAndTheGuestGoesOn()
      throws HypervisorException {
    completeAndHeld();
    host.fallSilent();
    var migration = released(SourceReport.State.Switching);
    onTheServer.set(migration);
    var role = finisher(MAY_RESTART);
    lookTwice(role, migration);
    assertThat(libvirtEnded()).isTrue();
    await().until(() -> reports.target().reason().equals(Reason.TargetLibvirtSilent.name()));
    assertThat(resumed()).isFalse();
    role.handle(migration);
    host.setConnected(true);
    role.handle(migration);
    assertThat(resumed()).isTrue();
    await().until(() -> reports.target().reason().equals(Reason.Committing.name()));
    assertThat(host.calls().stream().filter(c -> c.startsWith("killDaemon"))).hasSize(1);
  }

  @Test
  void aSilentLibvirtIsNotEndedAgainForTheSameGuest() throws HypervisorException {
    completeAndHeld();
    host.fallSilent();
    var migration = released(SourceReport.State.Switching);
    onTheServer.set(migration);
    var role = finisher(MAY_RESTART);
    lookTwice(role, migration);
    host.setConnected(true);
    host.fallSilent();
    role.handle(migration);
    time.set(time.get().plusSeconds(60));
    role.handle(migration);
    assertThat(host.calls().stream().filter(c -> c.startsWith("killDaemon"))).hasSize(1);
    await().until(() -> reports.target().message().contains("does not again"));
    host.answerAgain();
  }

  @Test
  void aSilentLibvirtIsOnlyToldOfWhereItMayNotBeEnded() throws HypervisorException {
    completeAndHeld();
    host.fallSilent();
    var migration = released(SourceReport.State.Switching);
    onTheServer.set(migration);
    lookTwice(finisher, migration);
    assertThat(libvirtEnded()).isFalse();
    await().until(() -> reports.target().reason().equals(Reason.TargetLibvirtSilent.name()));
    host.answerAgain();
  }

  @Test
  void aSilentLibvirtIsNotEndedBeforeTheSourceHasReleasedTheGuest() throws HypervisorException {
    completeAndHeld();
    host.fallSilent();
    var migration = orphan(SourceReport.State.Switching, CommitOrder.Fenced, guest());
    onTheServer.set(migration);
    lookTwice(finisher(MAY_RESTART), migration);
    assertThat(libvirtEnded()).as("it may not have confirmed, and would destroy it").isFalse();
    host.answerAgain();
  }

  @Test
  void aSilentLibvirtIsNotEndedOnWhatTheServerDoesNotConfirm() throws HypervisorException {
    completeAndHeld();
    host.fallSilent();
    onTheServer.set(released(SourceReport.State.Switched));
    lookTwice(finisher(MAY_RESTART), released(SourceReport.State.Switching));
    assertThat(libvirtEnded()).isFalse();
    host.answerAgain();
  }
}
