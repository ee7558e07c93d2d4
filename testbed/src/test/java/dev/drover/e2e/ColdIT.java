package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskCheck;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Guests that are shut off, or are shut down to be moved. */
@DroverTestbed
class ColdIT {
  private static final String COLD = "target: {nodeName: n2}\nmode: Cold\n";
  private static final int CAP_MIB = 4;

  @Test
  void aGuestThatIsShutOffMovesThoughItsDaemonIsKilled(Testbed testbed) {
    var spec =
        GuestSpec.named("frozen").withDisk(DiskSpec.local(96)).withDisk(DiskSpec.local(48).raw());
    try (var scene = Scene.onSource(testbed, spec)) {
      var guest = scene.guest();
      guest.fillDisk(0, 40);
      guest.fillDisk(1, 16);
      var before = guest.verifyDisks();
      scene.migrate(COLD).awaitFailed(Reason.VirtualMachineRunning);
      guest.powerOff();
      Migration.awaitSeenShutOff(testbed, spec.name(), "n1");
      scene.source().virsh("autostart", spec.name()).orThrow();

      var live =
          scene.migrate("target: {nodeName: n2}\n").awaitFailed(Reason.VirtualMachineNotRunning);
      assertThat(live.failure().message()).contains("mode: Cold");

      var aborted = scene.migrate(COLD + "bandwidthMiBps: %d\n".formatted(CAP_MIB));
      awaitCopying(aborted);
      var asked = Instant.now();
      aborted.patchSpec("{\"abort\":true}").orThrow();
      assertThat(aborted.awaitEnd().phaseValue()).isEqualTo(Phase.Aborted);
      assertThat(Duration.between(asked, Instant.now())).isLessThan(Duration.ofSeconds(5));
      scene.assertTargetClean();
      assertThat(guest.state(scene.source())).contains("shut off");

      var migration = scene.migrate(COLD + "bandwidthMiBps: %d\n".formatted(CAP_MIB));
      awaitCopying(migration);
      assertCapHolds(scene.source());
      testbed.host("n1").daemon().kill();
      long confirmed = migration.status().progress().diskProcessedBytes();
      assertThat(confirmed).isPositive();
      long sentBefore = scene.source().sentBytes();
      testbed.host("n1").daemon().start();
      migration.patchSpec("{\"bandwidthMiBps\":200}").orThrow();
      var status = migration.awaitSucceeded();
      assertThat(scene.source().sentBytes() - sentBefore)
          .as("what the target had confirmed is not sent again; %d bytes were", confirmed)
          .isLessThan((60L << 20) - confirmed);
      assertPhases(status);
      assertThat(status.progress().percent()).isEqualTo(100);
      assertThat(status.target().digests()).isEqualTo(status.source().cold().digests());

      assertMoved(scene, before);
      assertThat(scene.target().virsh("dominfo", spec.name()).out())
          .containsPattern("Autostart: +enable")
          .containsPattern("Persistent: +yes");
      guest.observer().forget();
      scene.target().virsh("start", spec.name()).orThrow();
      guest.awaitBooted().awaitRunningOn(scene.target());
    }
  }

  @Test
  void aGuestThatRunsIsShutDownAndStartedWhereItEndsUp(Testbed testbed) {
    var spec = GuestSpec.named("napping").withDisk(DiskSpec.local(64));
    try (var scene = Scene.onSource(testbed, spec)) {
      var guest = scene.guest();
      guest.fillDisk(0, 24);
      var before = guest.verifyDisks();
      var boot = guest.bootId();
      var graceful = COLD + "shutdown: Graceful\nshutdownTimeoutSeconds: 60\n";

      var aborted = scene.migrate(graceful + "bandwidthMiBps: 1\n");
      awaitCopying(aborted);
      assertThat(guest.state(scene.source())).contains("shut off");
      guest.observer().forget();
      aborted.patchSpec("{\"abort\":true}").orThrow();
      assertThat(aborted.awaitEnd().phaseValue()).isEqualTo(Phase.Aborted);
      guest.awaitBooted().awaitRunningOn(scene.source());
      scene.assertTargetClean();

      Migration.awaitSeen(testbed, spec.name(), "n1");
      var migration = scene.migrate(graceful);
      migration.await(
          "the guest is off", s -> s.progress() != null || s.phaseValue() == Phase.Commitment);
      guest.observer().forget();
      var status = migration.awaitSucceeded();
      guest.awaitBooted().awaitRunningOn(scene.target());
      scene.assertOnlyAt(scene.target());
      assertPhases(status);
      assertThat(guest.bootId()).isNotEqualTo(boot);
      assertThat(status.result().downtimeMilliseconds()).isPositive();
      guest.powerOff();
      assertMoved(scene, before);
    }
  }

  private static void awaitCopying(Migration migration) {
    migration.await(
        "copies disks", s -> s.progress() != null && s.progress().diskProcessedBytes() > 0);
  }

  private static void assertPhases(LiveMigrationStatus status) {
    assertThat(status.phases())
        .extracting(LiveMigrationStatus.PhaseTimes::phase)
        .containsExactly("Pending", "PreMigration", "Reservation", "PreCopy", "Commitment");
  }

  /** The disks are at the target as the guest knew them, and nothing is left at the source. */
  private static void assertMoved(Scene scene, List<DiskCheck> before) {
    for (DiskCheck disk : before) {
      var there = scene.guest().checkOffline(scene.target(), disk.disk());
      assertThat(there.clean()).as("%s", there).isTrue();
      assertThat(there.digest()).isEqualTo(disk.digest());
    }
    var name = scene.guest().name();
    assertThat(scene.source().files(Scene.OWN_POOL)).noneMatch(f -> f.startsWith(name));
    assertThat(scene.source().virsh("list", "--all", "--name").out()).doesNotContain(name);
    assertThat(scene.target().virsh("vol-dumpxml", name + "-0.qcow2", "--pool", "default").out())
        .contains("<format type='qcow2'/>");
    scene.assertNoProbesLeft();
  }

  private static void assertCapHolds(HypervisorHost source) {
    long before = source.sentBytes();
    var since = Instant.now();
    Waiting.until(
        "some seconds pass",
        () -> Duration.between(since, Instant.now()).compareTo(Duration.ofSeconds(4)) > 0);
    double rate =
        (source.sentBytes() - before)
            / 1048576.0
            / (Duration.between(since, Instant.now()).toMillis() / 1000.0);
    assertThat(rate).isBetween(CAP_MIB * 0.5, CAP_MIB * 1.15);
  }
}
