package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
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
  private static final int CAP_MEBIBYTES = 32;

  /** Progress is up to 2 s old: what is left of a phase by then does not count. */
  private static final long SOON_OVER_BYTES = 3L * CAP_MEBIBYTES << 20;

  private static final double MEBIBYTE = 1 << 20;

  @Test
  void theCapHoldsForMemoryAndAllDisksTogether(Testbed testbed) {
    var spec =
        GuestSpec.named("capped")
            .withMemoryMib(640)
            .withDisk(DiskSpec.local(192))
            .withDisk(DiskSpec.local(192))
            .dirtying(400, 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 176);
      scene.guest().fillDisk(1, 176);
      var migration =
          scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: " + CAP_MEBIBYTES + "\n");
      migration.awaitDiskCopy();
      var samples = sampleUntilTheEnd(scene, migration);
      migration.awaitSucceeded();
      scene.assertMoved(boot);
      double disks = average(samples.stream().filter(Sample::copiesDisks).toList());
      double memory = busiest(samples.stream().filter(Sample::sendsMemory).toList());
      System.out.printf(
          "cap %d MiB/s: on the wire %.1f MiB/s with two disks, %.1f MiB/s with memory%n",
          CAP_MEBIBYTES, disks, memory);
      assertThat(disks).isBetween(CAP_MEBIBYTES * 0.9, CAP_MEBIBYTES * 1.1);
      assertThat(memory).isBetween(CAP_MEBIBYTES * 0.9, CAP_MEBIBYTES * 1.1);
    }
  }

  /**
   * What the source host had sent by then, as the bridge saw it, and what it was doing by its
   * progress.
   */
  private record Sample(Instant at, long bytes, boolean copiesDisks, boolean sendsMemory) {}

  private static List<Sample> sampleUntilTheEnd(Scene scene, Migration migration) {
    List<Sample> samples = new ArrayList<>();
    while (true) {
      var status = migration.status();
      if (status.phaseValue() != Phase.PreCopy) {
        return samples;
      }
      var progress = status.progress();
      if (progress != null) {
        boolean memory = progress.memoryProcessedBytes() > 0;
        samples.add(
            new Sample(
                Instant.now(),
                scene.source().sentBytes(),
                !memory && progress.diskRemainingBytes() > SOON_OVER_BYTES,
                memory));
      }
      LockSupport.parkNanos(Duration.ofMillis(250).toNanos());
    }
  }

  /** Over the whole phase: QEMU mirrors in steps of 16 MiB at full speed with pauses in between. */
  private static double average(List<Sample> samples) {
    assertThat(samples).as("it was too quick to be measured").hasSizeGreaterThan(12);
    return rate(samples.getFirst(), samples.getLast());
  }

  /** Over the busiest five seconds: where the guest's memory is empty there is nothing to send. */
  private static double busiest(List<Sample> samples) {
    double busiest = 0;
    for (Sample from : samples) {
      for (Sample to : samples) {
        if (Duration.between(from.at(), to.at()).toMillis() >= 5000) {
          busiest = Math.max(busiest, rate(from, to));
        }
      }
    }
    assertThat(busiest).as("it was too quick to be measured").isPositive();
    return busiest;
  }

  private static double rate(Sample from, Sample to) {
    return (to.bytes() - from.bytes())
        / MEBIBYTE
        * 1000
        / Duration.between(from.at(), to.at()).toMillis();
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
