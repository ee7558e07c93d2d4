package dev.drover.e2e;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * How far a cap on the memory stream holds, counted at the bridge: by QEMU itself, without Drover;
 * and with Drover, which asks QEMU for less where it sends more than it was asked for. Run it by
 * {@code ./test bench -Dtest=CapBench}; the figures are in docs/reference/performance.md.
 */
@Tag("bench")
@DroverTestbed
class CapBench {
  private static final double MEBIBYTE = 1 << 20;
  private static final Duration LOOK = Duration.ofSeconds(6);
  private static final Duration WINDOW = Duration.ofSeconds(3);
  private static final int[] CAPS = {12, 50, 100, 200};

  /** It never ends by itself: the guest writes all the time, and may not be stopped for it. */
  private static final GuestSpec SPEC =
      GuestSpec.named("endless").withMachine("pc-q35-7.2").withMemoryMib(1280).dirtying(1100, 120);

  private record Sample(Instant at, long bytes) {}

  @Test
  void qemu10(Testbed testbed) {
    measure(testbed, testbed.host("n1"), testbed.host("n2"), true);
  }

  @Test
  void qemu7(Testbed testbed) {
    var source = testbed.addHost(HostSettings.defaults().withSuite("bookworm"));
    var target = testbed.addHost(HostSettings.defaults().withSuite("bookworm"));
    try {
      measure(testbed, source, target, false);
    } finally {
      testbed.removeHost(target);
      testbed.removeHost(source);
    }
  }

  @Test
  void drover10(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, SPEC)) {
      drover(scene);
    }
  }

  @Test
  void drover7(Testbed testbed) {
    var source = testbed.addHost(HostSettings.defaults().withSuite("bookworm"));
    try (var scene = Scene.between(testbed, SPEC, source, testbed.host("n2"))) {
      drover(scene);
    } finally {
      testbed.removeHost(source);
    }
  }

  /** The lowest cap that each number of connections may have, and two higher ones. */
  private static void drover(Scene scene) {
    System.out.println("Drover on " + scene.source().virsh("version").out().strip());
    for (int connections : new int[] {2, 4, 8}) {
      for (int cap :
          new int[] {LiveMigrationSpec.LEAST_BANDWIDTH_PER_CONNECTION * connections, 100, 200}) {
        drover(scene, "parallelConnections: %d\n".formatted(connections), cap);
      }
    }
  }

  private static void drover(Scene scene, String options, int cap) {
    var migration =
        scene.migrate(
            "target: {nodeName: %s}\nmaxDowntimeMilliseconds: 1\nbandwidthMiBps: %d\n%s"
                .formatted(scene.target().name(), cap, options));
    Waiting.until(
        "memory is sent",
        () -> scene.source().virsh("domjobinfo", SPEC.name()).out().contains("Memory processed"));
    // As long as a reckoned excess counts, and a little of what was measured.
    report("Drover: " + options.strip(), cap, sampled(scene.source(), Duration.ofSeconds(14)));
    migration.patchSpec("{\"abort\":true}");
    migration.awaitEnd();
    scene.assertTargetClean();
  }

  private static void measure(
      Testbed testbed, HypervisorHost source, HypervisorHost target, boolean zstd) {
    try (var guest = testbed.guest(SPEC)) {
      guest.start(source).awaitBooted();
      System.out.println(source.virsh("version").out().strip());
      System.out.println("| options | cap | mean | busiest 3 s |");
      for (int connections : new int[] {1, 2, 4, 8}) {
        String options = connections == 1 ? "" : "--parallel --parallel-connections " + connections;
        for (int cap : CAPS) {
          run(guest, source, target, options, cap);
        }
      }
      List<String> compressed = new ArrayList<>(List.of("--compressed --comp-methods xbzrle"));
      if (zstd) {
        for (String method : List.of("zstd", "zlib")) {
          compressed.add(
              "--parallel --parallel-connections 2 --compressed --comp-methods " + method);
        }
      }
      for (String options : compressed) {
        for (int cap : new int[] {12, 50}) {
          run(guest, source, target, options, cap);
        }
      }
    }
  }

  private static void run(
      Guest guest, HypervisorHost source, HypervisorHost target, String options, int cap) {
    source.virsh("migrate-setmaxdowntime", guest.name(), "1").orThrow();
    List<String> command =
        new ArrayList<>(List.of("migrate", guest.name(), "qemu+tcp://" + target.ip() + "/system"));
    command.addAll(List.of("--live", "--p2p", "--bandwidth", Integer.toString(cap)));
    if (!options.isEmpty()) {
      command.addAll(List.of(options.split(" ")));
    }
    var migrate =
        Thread.ofPlatform()
            .start(() -> source.virsh(Duration.ofMinutes(2), command.toArray(String[]::new)));
    try {
      Waiting.until(
          "memory is sent",
          () -> source.virsh("domjobinfo", guest.name()).out().contains("Memory processed"));
      report(options.isEmpty() ? "one stream" : options, cap, sampled(source, LOOK));
    } finally {
      source.virsh("domjobabort", guest.name());
      Waiting.until("libvirt has let go", () -> !migrate.isAlive());
      Waiting.until(
          "nothing is at the target",
          () -> !target.virsh("list", "--all", "--name").out().contains(guest.name()));
    }
  }

  private static List<Sample> sampled(HypervisorHost source, Duration time) {
    List<Sample> samples = new ArrayList<>();
    var end = Instant.now().plus(time);
    while (Instant.now().isBefore(end)) {
      samples.add(new Sample(Instant.now(), source.sentBytes()));
      LockSupport.parkNanos(Duration.ofMillis(100).toNanos());
    }
    return samples;
  }

  private static void report(String what, int cap, List<Sample> samples) {
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %.1f | %.1f |%n",
        what,
        cap,
        rate(samples.getFirst(), samples.getLast()),
        busiest(samples));
  }

  private static double busiest(List<Sample> samples) {
    double busiest = 0;
    for (Sample from : samples) {
      for (Sample to : samples) {
        if (Duration.between(from.at(), to.at()).compareTo(WINDOW) >= 0) {
          busiest = Math.max(busiest, rate(from, to));
        }
      }
    }
    return busiest;
  }

  private static double rate(Sample from, Sample to) {
    return (to.bytes() - from.bytes())
        / MEBIBYTE
        * 1000
        / Duration.between(from.at(), to.at()).toMillis();
  }
}
