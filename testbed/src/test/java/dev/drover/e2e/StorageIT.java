package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** Guests with every mixture of disks that this version moves, and the ones that it refuses. */
@DroverTestbed
class StorageIT {
  private static final String TO_N2 = "target: {nodeName: n2}\n";

  @Test
  void aLocalDiskIsCopied(Testbed testbed) {
    var spec = GuestSpec.named("block").withDisk(DiskSpec.local(192)).dirtying(64, 4).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var before = Instant.now();
      var status = scene.migrate(TO_N2 + "storage: Block\n").awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(status.result().downtimeMilliseconds()).isPositive();
      assertThat(status.result().totalMilliseconds()).isPositive();
      assertThat(status.result().transferredBytes()).isGreaterThan(8L << 20);
      assertThat(status.result().iterations()).isPositive();
      assertThat(status.result().commit()).isEqualTo("Fenced");
      assertThat(scene.guest().longestSilence(before)).isLessThan(Duration.ofSeconds(15));
      assertThat(scene.source().files(Scene.OWN_POOL))
          .as("the source's copy is removed after commitment")
          .noneMatch(f -> f.startsWith("block"));
      assertThat(scene.source().virsh("list", "--all", "--name").out()).doesNotContain("block");
    }
  }

  @Test
  void aRawDiskIsCopied(Testbed testbed) {
    var spec = GuestSpec.named("rawdisk").withDisk(DiskSpec.local(64).raw()).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  @Test
  void aSharedDiskStays(Testbed testbed) {
    var spec = GuestSpec.named("sharing").withDisk(DiskSpec.shared(128)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var status = scene.migrate(TO_N2 + "storage: Shared\n").awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(status.target().copies()).isEmpty();
      assertThat(scene.target().files("/mnt/shared")).anyMatch(f -> f.startsWith("sharing"));
    }
  }

  @Test
  void aGuestWithoutDisksMoves(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("diskless"))) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  @Test
  void ofTwoDisksTheSharedOneStaysAndTheOtherIsCopied(Testbed testbed) {
    var spec =
        GuestSpec.named("twodisks")
            .withDisk(DiskSpec.local(128))
            .withDisk(DiskSpec.shared(128))
            .writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var status = scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(status.target().copies()).hasSize(1);
      assertThat(status.target().copies().getFirst().pool()).isEqualTo("default");
    }
  }

  @Test
  void theFirstHostThatFitsIsTaken(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("anyhost"))) {
      var boot = scene.guest().bootId();
      var status = scene.migrate("storage: Auto\n").awaitSucceeded();
      assertThat(status.targetNode()).isEqualTo("n2");
      scene.assertMoved(boot);
    }
  }

  @Test
  void aLocalDiskIsNotTakenForShared(Testbed testbed) {
    var spec = GuestSpec.named("notshared").withDisk(DiskSpec.local(64)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2 + "storage: Shared\n").awaitFailed(Reason.StorageNotShared);
      scene.assertStayed(boot);
    }
  }

  @Test
  void aSharedDiskIsNotCopiedOntoItself(Testbed testbed) {
    var spec = GuestSpec.named("ontoitself").withDisk(DiskSpec.shared(64)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2 + "storage: Block\n").awaitFailed(Reason.StorageIsShared);
      scene.assertStayed(boot);
    }
  }

  @Test
  void aFullTargetPoolRefuses(Testbed testbed) {
    var spec = GuestSpec.named("toolarge").withDisk(DiskSpec.local(256).inPool("tiny").raw());
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var fill = scene.target().exec("fallocate", "-l", "40M", "/var/lib/drover-tiny/ballast");
      assertThat(fill.exitCode()).as(fill.err()).isZero();
      try {
        scene.guest().fillDisk(0, 40);
        scene.migrate(TO_N2).awaitFailed(Reason.InsufficientDiskSpace);
        scene.assertStayed(boot);
      } finally {
        scene.target().exec("rm", "-f", "/var/lib/drover-tiny/ballast");
      }
    }
  }

  @Test
  void aVolumeOfThatNameOnTheTargetIsNotTouched(Testbed testbed) {
    var spec = GuestSpec.named("occupied").withDisk(DiskSpec.local(64));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var path = scene.guest().diskPath(0);
      scene.target().exec("sh", "-c", "echo precious > " + path);
      try {
        scene.migrate(TO_N2).awaitFailed(Reason.VolumeExists);
        assertThat(scene.target().exec("cat", path).out()).contains("precious");
        scene.guest().awaitRunningOn(scene.source());
        assertThat(scene.guest().bootId()).isEqualTo(boot);
      } finally {
        scene.target().exec("rm", "-f", path);
      }
    }
  }
}
