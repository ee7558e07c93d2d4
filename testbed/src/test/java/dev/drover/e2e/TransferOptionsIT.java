package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
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

  /** The lowest that four connections may have. */
  private static final int PARALLEL_CAP_MEBIBYTES = 48;

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
      double parallel =
          moved(
              testbed,
              scene,
              "n2",
              "n1",
              "bandwidthMiBps: %d\nparallelConnections: 4\n".formatted(PARALLEL_CAP_MEBIBYTES));
      moved(testbed, scene, "n1", "n2", "compression: Zstd\nparallelConnections: 2\n");
      moved(testbed, scene, "n2", "n1", "compression: Zlib\nautoConverge: {initialPercent: 30}\n");
      assertThat(capped).isBetween(CAP_MEBIBYTES * 0.7, CAP_MEBIBYTES * 1.1);
      assertThat(parallel).isLessThan(PARALLEL_CAP_MEBIBYTES * 1.1);
      assertThat(scene.guest().bootId()).isEqualTo(boot);
      var verification = scene.guest().verify();
      assertThat(verification.clean()).as("%s", verification).isTrue();
    }
  }

  /** This machine's processes may not have more memory locked than they have. */
  @Test
  void zeroCopyIsRefusedBeforehandWhereMemoryMayNotBeLocked(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("nocopy"))) {
      var boot = scene.guest().bootId();
      var zeroCopy = "target: {nodeName: n2}\nparallelConnections: 2\nzeroCopy: true\n";
      var refused = scene.migrate(zeroCopy).awaitFailed(Reason.ZeroCopyUnsupported);
      assertThat(refused.failure().message()).contains("CAP_SYS_RESOURCE");
      // libvirt would say the same, once the target has begun to receive.
      assertThat(
              scene
                  .source()
                  .virsh(
                      "migrate",
                      "nocopy",
                      "qemu+tcp://" + scene.target().ip() + "/system",
                      "--live",
                      "--p2p",
                      "--parallel",
                      "--zerocopy")
                  .err())
          .contains("cannot limit locked memory");
      scene.assertStayed(boot);
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
