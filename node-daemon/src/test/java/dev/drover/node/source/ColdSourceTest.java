package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Mode;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Shutdown;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.VolumeState;
import dev.drover.node.report.RecordedReports;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A guest that is shut off, or is shut down for it, moves with its disks. */
class ColdSourceTest extends SourceStage {
  private static final VolumeState VOLUME =
      new VolumeState("default", "web.qcow2", "/pools/default/web.qcow2", "qcow2", MIB, MIB);

  private final byte[] content = new byte[3 << 20];
  private Shutdown shutdown = Shutdown.Never;
  private @Nullable Integer bandwidth;

  @BeforeEach
  void disks() {
    new Random(1).nextBytes(content);
    Arrays.fill(content, 1 << 20, 2 << 20, (byte) 0);
    source.putVolume(VOLUME, content);
    target.putPool(new PoolState("default", true, true, 1000 * MIB, 500 * MIB));
    target.putVolume(VOLUME, new byte[0]);
  }

  private void shutOff() {
    source.become(DOMAIN, Run.ShutOff, "shutdown", DomainEvent.Stopped);
  }

  private LiveMigration cold(Phase phase, @Nullable List<DiskDigest> read, @Nullable Failure why) {
    var migration =
        RecordedReports.migration(
            LiveMigrationSpec.builder("web")
                .mode(Mode.Cold)
                .shutdown(shutdown)
                .bandwidthMiBps(bandwidth)
                .build(),
            DOMAIN,
            phase,
            reports.source(),
            new TargetReport(
                "n2",
                TargetReport.State.Reserved,
                Reason.TargetReserved.name(),
                null,
                "2026-11-23T12:00:00Z",
                null,
                List.of(
                    new DiskPlan(
                        "vda", DiskPlan.Action.Copy, "default", "web.qcow2", "raw", 3 * MIB)),
                null,
                read,
                null,
                null,
                null),
            why);
    return migration;
  }

  private void inspect() throws HypervisorException {
    role.handle(cold(Phase.PreMigration, null, null));
    awaitSaid(State.Inspected);
  }

  private void copy() throws HypervisorException {
    role.handle(cold(Phase.PreCopy, null, null));
  }

  private void awaitReason(Reason reason) {
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(reports.source().reason()).isEqualTo(reason.name()));
  }

  private static DiskDigest digest(byte[] of) {
    try {
      return new DiskDigest(
          "vda",
          of.length,
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(of)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private void readBack() throws HypervisorException {
    role.handle(cold(Phase.PreCopy, List.of(digest(target.content("default", "web.qcow2"))), null));
  }

  @Test
  void disksThenDefinition() throws HypervisorException {
    shutOff();
    bridges = Map.of("br-office", "br-rack");
    inspect();
    copy();
    awaitReason(Reason.Verifying);
    assertThat(target.content("default", "web.qcow2")).isEqualTo(content);
    assertThat(reports.source().cold().digests()).containsExactly(digest(content));
    assertThat(source.calls()).noneMatch(c -> c.startsWith("define"));
    readBack();
    awaitSaid(State.Switched);
    assertThat(source.domain(DOMAIN)).isEmpty();
    assertThat(target.domain(DOMAIN).orElseThrow().run()).isEqualTo(Run.ShutOff);
    assertThat(target.calls()).contains("define web {br-office=br-rack}");
    assertThat(reports.last().progress().percent()).isEqualTo(100);
    assertThat(reports.source().result().transferredBytes()).isEqualTo(2 * MIB);
    assertThat(reports.sourceStates()).doesNotContain(State.Switching);
    // And only in commitment the disk goes.
    assertThat(source.volume("default", "web.qcow2")).isPresent();
    role.handle(cold(Phase.Commitment, null, null));
    awaitSaid(State.CleanedUp);
    assertThat(source.volume("default", "web.qcow2")).isEmpty();
  }

  @Test
  void aCopyThatDiffersMovesNothing() throws HypervisorException {
    shutOff();
    inspect();
    copy();
    awaitReason(Reason.Verifying);
    role.handle(cold(Phase.PreCopy, List.of(digest(new byte[3 << 20])), null));
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.ChecksumMismatch.name());
    assertThat(source.domain(DOMAIN)).isPresent();
    assertThat(source.calls()).noneMatch(c -> c.startsWith("start "));
  }

  @Test
  void aGuestThatRunsIsRefused() throws HypervisorException {
    role.handle(cold(Phase.PreMigration, null, null));
    awaitSaid(State.Refused);
    assertThat(reports.source().reason()).isEqualTo(Reason.VirtualMachineRunning.name());
    assertThat(source.calls()).isEmpty();
  }

  @Test
  void whatWouldBeLeftBehindIsRefused() throws HypervisorException {
    shutOff();
    describe(List.of(new Blocker(Blocker.Kind.NvramOutsidePool, "/nvram/web.fd")));
    role.handle(cold(Phase.PreMigration, null, null));
    awaitSaid(State.Refused);
    assertThat(reports.source().reason()).isEqualTo(Reason.NvramOutsidePool.name());
  }

  @Test
  void aGuestIsShutDownAndStartedAtTheTarget() throws HypervisorException {
    shutdown = Shutdown.Graceful;
    inspect();
    copy();
    awaitReason(Reason.ShuttingDown);
    await().until(() -> source.calls().contains("shutDown " + DOMAIN));
    assertThat(target.content("default", "web.qcow2")).isEmpty();
    shutOff();
    awaitReason(Reason.Verifying);
    readBack();
    awaitSaid(State.Switched);
    assertThat(target.domain(DOMAIN).orElseThrow().run()).isEqualTo(Run.Running);
    assertThat(reports.source().result().downtimeMilliseconds()).isNotNegative();
  }

  @Test
  void aGuestThatWasShutDownIsStartedAgainWhenItStays() throws HypervisorException {
    shutdown = Shutdown.Graceful;
    inspect();
    copy();
    await().until(() -> source.calls().contains("shutDown " + DOMAIN));
    shutOff();
    awaitReason(Reason.Verifying);
    role.handle(
        cold(
            Phase.PreCopy,
            null,
            Failure.of(Reason.AbortRequested, "spec.abort was set.", null, Phase.PreCopy)));
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.AbortRequested.name());
    assertThat(source.domain(DOMAIN).orElseThrow().run()).isEqualTo(Run.Running);
    assertThat(target.domain(DOMAIN)).isEmpty();
  }

  @Test
  void aGuestThatGoesOffAfterTheAbortIsStartedAgain() throws HypervisorException {
    shutdown = Shutdown.Graceful;
    inspect();
    copy();
    await().until(() -> source.calls().contains("shutDown " + DOMAIN));
    role.handle(
        cold(
            Phase.PreCopy,
            null,
            Failure.of(Reason.AbortRequested, "spec.abort was set.", null, Phase.PreCopy)));
    awaitSaid(State.Stopped);
    shutOff();
    await().until(() -> source.calls().contains("start " + DOMAIN));
  }

  @Test
  void aGuestThatIsStartedByHandStays() throws HypervisorException {
    shutOff();
    inspect();
    copy();
    awaitReason(Reason.Verifying);
    source.start(DOMAIN);
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.GuestStarted.name());
    assertThat(source.calls()).noneMatch(c -> c.startsWith("define"));
  }

  @Test
  void aDefinitionThatTheTargetDoesNotTakeStays() throws HypervisorException {
    shutOff();
    inspect();
    target.fail("define", new HypervisorException(Kind.Incompatible, 67, "no such machine"));
    copy();
    awaitReason(Reason.Verifying);
    readBack();
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.TransferFailed.name());
    assertThat(reports.source().message()).contains("no such machine");
    assertThat(source.domain(DOMAIN)).isPresent();
  }

  @Test
  void aDefinitionWhoseFateIsUnknownIsFollowedUp() throws HypervisorException {
    shutOff();
    inspect();
    target.fail("define", new HypervisorException(Kind.PeerUnreachable, 38, "broken"));
    copy();
    awaitReason(Reason.Verifying);
    readBack();
    awaitSaid(State.Switched);
    assertThat(source.domain(DOMAIN)).isEmpty();
    assertThat(target.domain(DOMAIN)).isPresent();
  }

  @Test
  void aBrokenLinkIsTriedAgainFromWhatIsThere() throws HypervisorException {
    shutOff();
    inspect();
    target.fail("finish", new HypervisorException(Kind.PeerUnreachable, 38, "broken"));
    copy();
    awaitReason(Reason.Verifying);
    assertThat(target.content("default", "web.qcow2")).isEqualTo(content);
  }

  @Test
  void aFullTargetEndsIt() throws HypervisorException {
    shutOff();
    inspect();
    target.fail("write", new HypervisorException(Kind.NoSpace, 38, "No space left on device"));
    copy();
    awaitSaid(State.Stopped);
    assertThat(reports.source().reason()).isEqualTo(Reason.InsufficientDiskSpace.name());
  }

  /** What a daemon that was killed finds, and does. */
  private void nextLife(
      State state, boolean moving, @Nullable Long copied, boolean digestsKnown, Check check)
      throws HypervisorException {
    inspect();
    var inspected = reports.source();
    var facts = inspected.cold();
    if (digestsKnown) {
      facts = facts.copied(List.of(digest(content)));
    }
    var own =
        new SourceReport(
            "n1",
            state,
            "x",
            null,
            Instant.now().toString(),
            null,
            null,
            inspected.guest(),
            null,
            moving ? facts.andMoving() : facts,
            null);
    try (var next = new NextLife()) {
      var migration = cold(Phase.PreCopy, null, null);
      migration.setStatus(
          LiveMigrationStatus.builder()
              .phase(Phase.PreCopy)
              .sourceNode("n1")
              .targetNode("n2")
              .domainUuid(DOMAIN.toString())
              .source(own)
              .target(migration.getStatus().target())
              .progress(
                  copied == null
                      ? null
                      : new LiveMigrationStatus.Progress(
                          1, 0, 0, 0, 0, 3 * MIB, copied, 0, 0, 0, null, null, 0, "x"))
              .build());
      next.role.handle(migration);
      check.of(next);
    }
  }

  private interface Check {
    void of(NextLife next) throws HypervisorException;
  }

  @Test
  void theNextLifeGoesOnFromWhatTheTargetHasConfirmed() throws HypervisorException {
    shutOff();
    target.putVolume(VOLUME, Arrays.copyOf(content, 1 << 20));
    nextLife(
        State.Transferring,
        false,
        MIB,
        false,
        next -> {
          await()
              .untilAsserted(
                  () ->
                      assertThat(next.reports.source().reason())
                          .isEqualTo(Reason.Verifying.name()));
          assertThat(target.calls().stream().filter(c -> c.startsWith("writeVolume")))
              .containsExactly("writeVolume default web.qcow2 " + MIB);
          assertThat(next.reports.source().cold().digests()).containsExactly(digest(content));
        });
  }

  @Test
  void theNextLifeDoesNotShutDownAGuestThatSomebodyHasStarted() throws HypervisorException {
    shutdown = Shutdown.Graceful;
    nextLife(
        State.Transferring,
        false,
        MIB,
        false,
        next -> {
          next.awaitSaid(State.Stopped);
          assertThat(next.reports.source().reason()).isEqualTo(Reason.GuestStarted.name());
          assertThat(source.calls()).noneMatch(c -> c.startsWith("shutDown"));
        });
  }

  /** Whatever this daemon has missed: the disks tell. */
  @Test
  void theNextLifeMovesNothingIfTheDisksHaveChangedSince() throws HypervisorException {
    shutOff();
    for (boolean moving : new boolean[] {false, true}) {
      content[7]++;
      nextLife(
          State.Transferring,
          moving,
          3 * MIB,
          true,
          next -> {
            next.awaitSaid(State.Stopped);
            assertThat(next.reports.source().reason()).isEqualTo(Reason.ChecksumMismatch.name());
            assertThat(source.domain(DOMAIN)).isPresent();
            assertThat(target.calls()).noneMatch(c -> c.startsWith("define"));
          });
    }
  }

  @Test
  void theNextLifeGoesForwardOnceTheDefinitionWasToGo() throws HypervisorException {
    shutOff();
    nextLife(
        State.Transferring,
        true,
        3 * MIB,
        true,
        next -> {
          next.awaitSaid(State.Switched);
          assertThat(source.domain(DOMAIN)).isEmpty();
        });
  }

  @Test
  void theNextLifeFinishesAMoveThatBothHostsHave() throws HypervisorException {
    shutOff();
    target.put(FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), Run.ShutOff, "unknown"));
    nextLife(
        State.Transferring,
        true,
        3 * MIB,
        true,
        next -> {
          next.awaitSaid(State.Switched);
          assertThat(source.domain(DOMAIN)).isEmpty();
          assertThat(source.calls()).noneMatch(c -> c.startsWith("define"));
        });
  }
}
