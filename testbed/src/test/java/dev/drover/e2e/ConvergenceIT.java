package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The cap on the wire, and the guest that never converges. */
@DroverTestbed
class ConvergenceIT {
  private static final int CAP_MEBIBYTES = 12;
  private static final double MEBIBYTE = 1 << 20;

  @Test
  void theCapHoldsForMemoryAndAllDisksTogether(Testbed testbed) {
    var spec =
        GuestSpec.named("capped")
            .withMemoryMib(384)
            .withDisk(DiskSpec.local(192))
            .withDisk(DiskSpec.local(192))
            .dirtying(128, 2);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 80);
      scene.guest().fillDisk(1, 80);
      var migration =
          scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: " + CAP_MEBIBYTES + "\n");
      migration.awaitDiskCopy();
      var disks = measure(scene, migration, true);
      migration.awaitMemoryCopy();
      var memory = measure(scene, migration, false);
      migration.awaitSucceeded();
      scene.assertMoved(boot);
      System.out.printf(
          "cap %d MiB/s: on the wire %.1f MiB/s with two disks, %.1f MiB/s with memory%n",
          CAP_MEBIBYTES, average(disks), average(memory));
      assertThat(average(disks)).isBetween(CAP_MEBIBYTES * 0.9, CAP_MEBIBYTES * 1.1);
      assertThat(average(memory)).isBetween(CAP_MEBIBYTES * 0.9, CAP_MEBIBYTES * 1.1);
    }
  }

  /** MiB/s that the source host sent in each of up to four seconds, as the bridge saw it. */
  private static List<Double> measure(Scene scene, Migration migration, boolean whileDisks) {
    List<Double> rates = new ArrayList<>();
    long bytes = scene.source().sentBytes();
    var since = Instant.now();
    while (rates.size() < 4) {
      LockSupport.parkNanos(Duration.ofSeconds(1).toNanos());
      long now = scene.source().sentBytes();
      var at = Instant.now();
      var progress = migration.status().progress();
      boolean disks = progress != null && progress.memoryProcessedBytes() == 0;
      if (migration.phase().isTerminal() || disks != whileDisks) {
        break;
      }
      rates.add((now - bytes) / MEBIBYTE * 1000 / Duration.between(since, at).toMillis());
      bytes = now;
      since = at;
    }
    assertThat(rates).as("it was too quick to be measured").isNotEmpty();
    return rates;
  }

  private static double average(List<Double> rates) {
    return rates.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
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
