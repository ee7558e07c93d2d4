package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import org.junit.jupiter.api.Test;

/** Guests in the states that a guest can be in, and requests that can't be carried out. */
@DroverTestbed
class GuestStateIT {
  private static final String TO_N2 = "target: {nodeName: n2}\n";

  @Test
  void aPausedGuestStaysPaused(Testbed testbed) {
    var spec = GuestSpec.named("held").withDisk(DiskSpec.local(64)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().suspend(scene.source());
      var status = scene.migrate(TO_N2).awaitSucceeded();
      assertThat(status.source().guest().paused()).isTrue();
      scene.assertOnlyAt(scene.target());
      assertThat(scene.guest().state(scene.target())).contains("paused");
      assertThat(scene.guest().runningOn()).isEmpty();
      scene.guest().resume(scene.target());
      scene.assertMoved(boot);
    }
  }

  @Test
  void aTransientDomainStaysTransient(Testbed testbed) {
    var spec = GuestSpec.named("passing").withDisk(DiskSpec.local(64)).writing(1).asTransient();
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(scene.target().virsh("dominfo", "passing").out())
          .containsPattern("Persistent: +no");
    }
  }

  @Test
  void aPersistentDomainIsDefinedOnTheTargetOnly(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("lasting"))) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(scene.target().virsh("dominfo", "lasting").out())
          .containsPattern("Persistent: +yes");
      assertThat(scene.source().virsh("list", "--all", "--name").out()).doesNotContain("lasting");
    }
  }

  @Test
  void aGuestWithSnapshotsIsRefusedBeforeAnythingIsTouched(Testbed testbed) {
    var spec = GuestSpec.named("snapped").withDisk(DiskSpec.local(64));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var snapshot = scene.source().virsh("snapshot-create-as", "snapped", "s1");
      assertThat(snapshot.exitCode()).as(snapshot.err()).isZero();
      try {
        scene.migrate(TO_N2).awaitFailed(Reason.SnapshotsPresent);
        scene.assertStayed(boot);
      } finally {
        scene.source().virsh("snapshot-delete", "snapped", "s1");
      }
    }
  }

  @Test
  void anUnknownVmIsRefused(Testbed testbed) {
    Migration.apply(testbed, "nobody", TO_N2).awaitFailed(Reason.VirtualMachineNotFound);
  }

  @Test
  void aVmOnAnotherHostThanTheSourceSaysIsRefused(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("elsewhere"))) {
      var boot = scene.guest().bootId();
      scene.migrate("source: {nodeName: n2}\n").awaitFailed(Reason.VirtualMachineNotOnSource);
      scene.assertStayed(boot);
    }
  }

  @Test
  void anUnknownTargetIsRefused(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("nowhere"))) {
      var boot = scene.guest().bootId();
      scene.migrate("target: {nodeName: n99}\n").awaitFailed(Reason.TargetNotFound);
      scene.assertStayed(boot);
    }
  }

  @Test
  void ofTwoMigrationsOfOneVmOnlyTheFirstMovesIt(Testbed testbed) {
    var spec = GuestSpec.named("twice").withDisk(DiskSpec.local(96)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 48);
      var first = scene.migrate(TO_N2 + "bandwidthMiBps: 16\n");
      first.awaitDiskCopy();
      var second = scene.migrate(TO_N2);
      second.awaitFailed(Reason.MigrationInProgress);
      first.awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  @Test
  void aDomainThatAppearsAndGoesIsFollowed(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("visitor").asTransient())) {
      scene.guest().destroyEverywhere();
      Waiting.until(
          "the cluster knows that it is gone",
          Migration.DEADLINE,
          () ->
              testbed
                  .controlPlane()
                  .kubectl("get", "dvm", "visitor", "-o", "jsonpath={.status.nodeName}")
                  .out()
                  .isBlank());
      Migration.apply(testbed, "visitor", TO_N2).awaitEnd();
    }
  }
}
