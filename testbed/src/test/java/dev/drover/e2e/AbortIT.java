package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import org.junit.jupiter.api.Test;

/** Deleting or aborting a migration leaves the guest where it was and nothing on the target. */
@DroverTestbed
class AbortIT {
  private static final String SLOWLY = "target: {nodeName: n2}\nbandwidthMiBps: 4\n";

  @Test
  void deletingDuringDiskCopyAborts(Testbed testbed) {
    var spec = GuestSpec.named("deldisk").withDisk(DiskSpec.local(128)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 64);
      var migration = scene.migrate(SLOWLY);
      migration.awaitDiskCopy();
      migration.delete();
      migration.awaitGone();
      scene.assertStayed(boot);
      // And it can be moved afterwards.
      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  @Test
  void deletingDuringMemoryCopyAborts(Testbed testbed) {
    var spec = GuestSpec.named("delmem").withDisk(DiskSpec.local(64)).dirtying(96, 8);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate(SLOWLY);
      migration.awaitMemoryCopy();
      migration.delete();
      migration.awaitGone();
      scene.assertStayed(boot);
    }
  }

  @Test
  void specAbortEndsInAborted(Testbed testbed) {
    var spec = GuestSpec.named("stopit").dirtying(96, 8);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate(SLOWLY);
      migration.awaitMemoryCopy();
      var patch = migration.patchSpec("{\"abort\":true}");
      assertThat(patch.exitCode()).as(patch.err()).isZero();
      var status = migration.awaitEnd();
      assertThat(status.phaseValue()).isEqualTo(Phase.Aborted);
      assertThat(status.failure().reason()).isEqualTo(Reason.AbortRequested.name());
      scene.assertStayed(boot);
    }
  }

  @Test
  void aTransferThatTakesTooLongIsGivenUp(Testbed testbed) {
    var spec = GuestSpec.named("endless").dirtying(128, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(SLOWLY + "completionTimeoutSeconds: 8\n").awaitFailed(Reason.CompletionTimeout);
      scene.assertStayed(boot);
    }
  }
}
