package dev.drover.e2e;

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
 * How far QEMU itself, without Drover, keeps to a cap on its memory stream, counted at the bridge.
 * Run it by {@code ./test bench -Dtest=QemuCapBench}; the figures are in
 * docs/reference/performance.md.
 */
@Tag("bench")
@DroverTestbed
class QemuCapBench {
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
      List<Sample> samples = new ArrayList<>();
      var end = Instant.now().plus(LOOK);
      while (Instant.now().isBefore(end)) {
        samples.add(new Sample(Instant.now(), source.sentBytes()));
        LockSupport.parkNanos(Duration.ofMillis(100).toNanos());
      }
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %.1f | %.1f |%n",
          options.isEmpty() ? "one stream" : options,
          cap,
          rate(samples.getFirst(), samples.getLast()),
          busiest(samples));
    } finally {
      source.virsh("domjobabort", guest.name());
      Waiting.until("libvirt has let go", () -> !migrate.isAlive());
      Waiting.until(
          "nothing is at the target",
          () -> !target.virsh("list", "--all", "--name").out().contains(guest.name()));
    }
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
