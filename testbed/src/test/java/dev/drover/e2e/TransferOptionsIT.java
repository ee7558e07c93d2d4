package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * Each way for memory to go over: the guest arrives whole, and a cap holds where one may be set.
 */
@DroverTestbed
class TransferOptionsIT {
  private static final int CAP_MEBIBYTES = 12;
  private static final double MEBIBYTE = 1 << 20;

  /** As long as that, or as the whole transfer if it is shorter: bursts of less are TCP's. */
  private static final Duration WINDOW = Duration.ofSeconds(5);

  private record Sample(Instant at, long bytes) {}

  @Test
  void theGuestArrivesInParallelAndCompressed(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("packed").dirtying(96, 2))) {
      var boot = scene.guest().bootId();
      var cap = "bandwidthMiBps: %d\n".formatted(CAP_MEBIBYTES);
      double capped = moved(testbed, scene, "n1", "n2", cap + "compression: Xbzrle\n");
      moved(testbed, scene, "n2", "n1", "parallelConnections: 4\n");
      moved(testbed, scene, "n1", "n2", "compression: Zstd\nparallelConnections: 2\n");
      moved(testbed, scene, "n2", "n1", "compression: Zlib\nautoConverge: {initialPercent: 30}\n");
      assertThat(capped).isBetween(CAP_MEBIBYTES * 0.7, CAP_MEBIBYTES * 1.1);
      assertThat(scene.guest().bootId()).isEqualTo(boot);
      var verification = scene.guest().verify();
      assertThat(verification.clean()).as("%s", verification).isTrue();
    }
  }

  /** Moves the guest, and returns the most that the source sent in any five seconds, in MiB/s. */
  private static double moved(
      Testbed testbed, Scene scene, String from, String to, String options) {
    Migration.awaitSeen(testbed, scene.guest().name(), from);
    var migration = scene.migrate("target: {nodeName: %s}\n%s".formatted(to, options));
    migration.awaitReached(Phase.PreCopy);
    var samples = sampled(testbed.host(from), migration);
    var status = migration.awaitSucceeded();
    scene.guest().awaitRunningOn(testbed.host(to));
    scene.assertOnlyAt(testbed.host(to));
    double busiest = busiest(samples);
    System.out.printf(
        "%s: busiest %.1f MiB/s on the wire, %d MiB in %d ms%n",
        options.strip().replace("\n", ", "),
        busiest,
        (samples.getLast().bytes() - samples.getFirst().bytes()) >> 20,
        status.result().totalMilliseconds());
    return busiest;
  }

  private static List<Sample> sampled(HypervisorHost host, Migration migration) {
    List<Sample> samples = new ArrayList<>();
    do {
      samples.add(new Sample(Instant.now(), host.sentBytes()));
      LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
    } while (migration.phase() == Phase.PreCopy);
    samples.add(new Sample(Instant.now(), host.sentBytes()));
    return samples;
  }

  private static double busiest(List<Sample> samples) {
    var whole = Duration.between(samples.getFirst().at(), samples.getLast().at());
    var window = whole.compareTo(WINDOW) < 0 ? whole : WINDOW;
    double busiest = 0;
    for (Sample from : samples) {
      for (Sample to : samples) {
        var time = Duration.between(from.at(), to.at());
        if (time.compareTo(window) >= 0) {
          busiest =
              Math.max(busiest, (to.bytes() - from.bytes()) / MEBIBYTE * 1000 / time.toMillis());
        }
      }
    }
    return busiest;
  }
}
