package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import org.junit.jupiter.api.Test;

/** libvirt dies, and comes back: the cluster says so, and nothing is lost. */
@DroverTestbed
class LibvirtRestartIT {

  private static void awaitConnected(Testbed testbed, String node, String status) {
    Waiting.until(
        "LibvirtConnected of " + node + " is " + status,
        () ->
            testbed
                .controlPlane()
                .client()
                .resources(HypervisorNode.class)
                .withName(node)
                .get()
                .getStatus()
                .condition(ConditionType.LibvirtConnected)
                .map(Condition::status)
                .filter(status::equals)
                .isPresent());
  }

  @Test
  void theNodeSaysThatLibvirtIsAwayAndBack(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("patient"))) {
      var boot = scene.guest().bootId();
      scene.target().libvirtd().kill();
      awaitConnected(testbed, "n2", Condition.FALSE);
      scene.target().libvirtd().start();
      awaitConnected(testbed, "n2", Condition.TRUE);
      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  /** It was deleted before anybody could remove what was beside its disk. */
  @Test
  void aProbeIsRemovedWhenLibvirtIsBackThoughItsMigrationIsGone(Testbed testbed) {
    try (var scene =
        Scene.onSource(testbed, GuestSpec.named("forgotten").withDisk(DiskSpec.local(32)))) {
      scene.target().daemon().pause(); // so that its answer is waited for
      var migration = scene.migrate("target: {nodeName: n2}\n");
      var uid = migration.object().orElseThrow().getMetadata().getUid();
      Waiting.until(
          "there is a probe", () -> scene.source().files(Scene.OWN_POOL).contains(probe(uid)));
      scene.source().libvirtd().kill();
      scene.target().daemon().resume();
      assertThat(migration.awaitEnd().failure().reason()).isEqualTo(Reason.SourceNotReady.name());
      migration.delete();
      Waiting.until("it is gone", Migration.DEADLINE, () -> migration.object().isEmpty());
      assertThat(scene.source().files(Scene.OWN_POOL)).contains(probe(uid));

      scene.source().libvirtd().start();

      Waiting.until(
          "the probe is gone", () -> !scene.source().files(Scene.OWN_POOL).contains(probe(uid)));
    } finally {
      testbed.host("n2").daemon().resume();
    }
  }

  private static String probe(String migrationUid) {
    return "drover-probe-" + migrationUid;
  }

  @Test
  void theSourcesLibvirtDiesDuringTheTransfer(Testbed testbed) {
    var spec = GuestSpec.named("orphan").withDisk(DiskSpec.local(64)).dirtying(96, 8);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 8\n");
      migration.awaitMemoryCopy();
      scene.source().libvirtd().kill();
      scene.source().libvirtd().start();
      var status = migration.awaitEnd();
      assertThat(status.phaseValue()).isEqualTo(Phase.Failed);
      assertThat(status.failure().reason())
          .isIn(Reason.TransferFailed.name(), Reason.ConnectionToTargetFailed.name());
      scene.assertStayed(boot);
    }
  }

  @Test
  void theTargetsLibvirtDiesDuringTheTransfer(Testbed testbed) {
    var spec = GuestSpec.named("widow").withDisk(DiskSpec.local(64)).dirtying(96, 8);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 8\n");
      migration.awaitMemoryCopy();
      scene.target().libvirtd().kill();
      migration.await("has failed", s -> s.failure() != null);
      scene.target().libvirtd().start();
      assertThat(migration.awaitEnd().phaseValue()).isEqualTo(Phase.Failed);
      scene.assertStayed(boot);
    }
  }
}
