package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The cap on the wire, and the guest that never converges. */
@DroverTestbed
class ConvergenceIT {
  private static final int CAP_MEBIBYTES = 40;

  /** Progress is up to 2 s old: what is left of a phase by then does not count. */
  private static final long SOON_OVER_BYTES = 3L * CAP_MEBIBYTES << 20;

  private static final double MEBIBYTE = 1 << 20;

  @Test
  void theCapHoldsForMemoryAndAllDisksTogether(Testbed testbed) {
    var spec =
        GuestSpec.named("capped")
            .withMemoryMib(768)
            .withDisk(DiskSpec.local(192))
            .withDisk(DiskSpec.local(192))
            .dirtying(448, 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 176);
      scene.guest().fillDisk(1, 176);
      var migration =
          scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: " + CAP_MEBIBYTES + "\n");
      migration.awaitDiskCopy();
      double disks = averageWhile(scene, migration, true);
      migration.awaitMemoryCopy();
      double memory = averageWhile(scene, migration, false);
      migration.awaitSucceeded();
      scene.assertMoved(boot);
      System.out.printf(
          "cap %d MiB/s: on the wire %.1f MiB/s with two disks, %.1f MiB/s with memory%n",
          CAP_MEBIBYTES, disks, memory);
      assertThat(disks).isBetween(CAP_MEBIBYTES * 0.9, CAP_MEBIBYTES * 1.1);
      assertThat(memory).isBetween(CAP_MEBIBYTES * 0.9, CAP_MEBIBYTES * 1.1);
    }
  }

  /**
   * MiB/s that the source host sent, as the bridge saw it, from now until the progress tells that
   * disks (or memory) are done. QEMU mirrors in steps of 16 MiB at full speed with pauses in
   * between, so that only an average over several of them says anything
   * (docs/reference/performance.md).
   */
  private static double averageWhile(Scene scene, Migration migration, boolean disks) {
    long firstBytes = scene.source().sentBytes();
    var first = Instant.now();
    long lastBytes = firstBytes;
    var last = first;
    while (true) {
      LockSupport.parkNanos(Duration.ofMillis(500).toNanos());
      long bytes = scene.source().sentBytes();
      var at = Instant.now();
      var progress = migration.status().progress();
      boolean disksNow =
          progress != null
              && progress.memoryProcessedBytes() == 0
              && progress.diskRemainingBytes() > SOON_OVER_BYTES;
      boolean memoryNow =
          progress != null
              && progress.memoryProcessedBytes() > 0
              && progress.memoryRemainingBytes() > SOON_OVER_BYTES;
      if (migration.phase().isTerminal() || !(disks ? disksNow : memoryNow)) {
        break;
      }
      lastBytes = bytes;
      last = at;
    }
    var window = Duration.between(first, last);
    assertThat(window).as("it was too quick to be measured").isGreaterThan(Duration.ofSeconds(4));
    return (lastBytes - firstBytes) / MEBIBYTE * 1000 / window.toMillis();
  }

  @Test
  void aGuestThatNeverConvergesGoesToPostCopy(Testbed testbed) {
    var spec = GuestSpec.named("restless").withDisk(DiskSpec.shared(64)).dirtying(96, 60);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var status =
          scene
              .migrate(
                  """
                  target: {nodeName: n2}
                  bandwidthMiBps: 16
                  maxDowntimeMilliseconds: 100
                  postCopy: Allowed
                  commit: Direct
                  """)
              .awaitSucceeded();
      assertThat(status.result().postCopy()).isTrue();
      scene.assertMoved(boot);
    }
  }
}
