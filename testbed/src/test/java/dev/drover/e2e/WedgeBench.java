package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Aborts around the switchover, by {@code spec.abort}, by timeout, and by hand behind Drover's
 * back: none leaves a call that does not return, nor a guest that stands still. Run it by {@code
 * ./test bench -Dtest=WedgeBench}; the figures are in docs/reliability.md.
 */
@Tag("bench")
@DroverTestbed
class WedgeBench {
  private static final int TRIES = Integer.getInteger("tries", 100);
  private static final Duration OVER_WITHIN = Duration.ofSeconds(30);
  private static final Duration WANTED_STANDSTILL = Duration.ofSeconds(5);

  /** Half of a transfer's time before its switchover, to a little after it. */
  private static final double EARLIEST = 0.5;

  private static final double LATEST = 1.15;

  @Test
  void abortsAroundTheSwitchoverWithACopiedDisk(Testbed testbed) throws InterruptedException {
    aborts(testbed, GuestSpec.named("fickle").withDisk(DiskSpec.local(48)).dirtying(48, 4));
  }

  @Test
  void abortsAroundTheSwitchoverWithASharedDisk(Testbed testbed) throws InterruptedException {
    aborts(testbed, GuestSpec.named("fickler").withDisk(DiskSpec.shared(48)).dirtying(48, 4));
  }

  private static void aborts(Testbed testbed, GuestSpec spec) throws InterruptedException {
    var random = new Random(4);
    Map<String, Integer> outcomes = new TreeMap<>();
    List<Long> until = new ArrayList<>();
    long transferMilliseconds = 0;
    var longest = Duration.ZERO;
    int stuck = 0;
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      if (spec.disks().getFirst().pool().equals("default")) {
        scene.guest().fillDisk(0, 16);
      }
      var now = scene;
      for (int run = 0; run <= TRIES; run++) {
        boolean calibration = run == 0;
        boolean byTimeout = !calibration && run % 4 == 0;
        var since = now.guest().observer().now();
        var migration =
            now.migrate(
                "target: {nodeName: %s}\nbandwidthMiBps: 100\n%s"
                    .formatted(
                        now.target().name(), byTimeout ? "completionTimeoutSeconds: 1\n" : ""));
        migration.await(
            "transfers",
            s -> s.source() != null && s.source().state().name().equals("Transferring"));
        var started = Instant.now();
        if (!calibration && !byTimeout) {
          double part = EARLIEST + random.nextDouble() * (LATEST - EARLIEST);
          TimeUnit.MILLISECONDS.sleep((long) (transferMilliseconds * part));
          abort(testbed, migration);
        }
        var asked = Instant.now();
        try {
          Waiting.until("it is over", OVER_WITHIN, () -> migration.phase().isTerminal());
        } catch (AssertionError | RuntimeException e) {
          stuck++;
          System.out.println("try " + run + " is stuck: " + migration.status());
          now.source().libvirtd().restart();
          migration.awaitEnd();
        }
        var phase = migration.phase();
        outcomes.merge((byTimeout ? "timeout " : "abort ") + phase, 1, Integer::sum);
        until.add(Duration.between(asked, Instant.now()).toMillis());
        boolean moved = phase == Phase.Succeeded;
        if (moved) {
          transferMilliseconds =
              (transferMilliseconds + Duration.between(started, asked).toMillis()) / 2;
        }
        if (calibration) {
          assertThat(moved).isTrue();
          transferMilliseconds = Duration.between(started, Instant.now()).toMillis();
        }
        var here = moved ? now.target() : now.source();
        now.guest().awaitRunningOn(here);
        now.assertOnlyAt(here);
        var still = now.guest().longestSilence(since);
        longest = still.compareTo(longest) > 0 ? still : longest;
        if (moved) {
          now = now.reversed();
          transferMilliseconds = Math.max(transferMilliseconds, 300);
        }
      }
      assertThat(now.guest().bootId()).isEqualTo(boot);
      assertThat(now.guest().verify().clean()).isTrue();
    }
    until.sort(Comparator.naturalOrder());
    System.out.printf(
        Locale.ROOT,
        "aborts %s n=%d: %s; stuck %d; from the request to the end median %d ms, max %d ms; longest standstill %.1f s; %s%n",
        spec.disks().getFirst().pool(),
        TRIES,
        outcomes,
        stuck,
        until.get(until.size() / 2),
        until.getLast(),
        longest.toMillis() / 1000.0,
        steps(testbed));
    assertThat(stuck).isZero();
    assertThat(longest).isLessThan(WANTED_STANDSTILL);
  }

  /** Unless the guest is there already, which the API server says then. */
  private static void abort(Testbed testbed, Migration migration) {
    try {
      testbed
          .controlPlane()
          .client()
          .resources(LiveMigration.class)
          .inNamespace(Migration.NAMESPACE)
          .withName(migration.name())
          .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"abort\":true}}");
    } catch (KubernetesClientException e) {
      assertThat(e).hasMessageContaining("spec.abort comes too late");
    }
  }

  /** {@code virsh domjobabort} at the very event of the switchover: the worst that can be done. */
  @Test
  void abortsByHandInTheLastInstant(Testbed testbed) {
    byHand(testbed, testbed.host("n1"), "q35");
  }

  /** libvirt 9.0 and QEMU 7.2 wedge at that in two of three cases. */
  @Test
  void abortsByHandInTheLastInstantOnAnOldHost(Testbed testbed) {
    var old = testbed.addHost(HostSettings.defaults().withSuite("bookworm"));
    try {
      byHand(testbed, old, "pc-q35-7.2");
    } finally {
      testbed.removeHost(old);
    }
  }

  private static void byHand(Testbed testbed, HypervisorHost source, String machine) {
    int tries = Integer.getInteger("handtries", 15);
    Map<String, Integer> outcomes = new TreeMap<>();
    var longest = Duration.ZERO;
    int stuck = 0;
    for (int run = 0; run < tries; run++) {
      var disk = run % 2 == 0 ? DiskSpec.local(48) : DiskSpec.shared(48);
      var spec =
          GuestSpec.named("hand-" + source.name() + "-" + run).withMachine(machine).withDisk(disk);
      try (var scene = Scene.between(testbed, spec, source, testbed.host("n2"))) {
        try (var shell = source.shell()) {
          var since = scene.guest().observer().now();
          var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 100\n");
          // Of the iterations the second is the last one, some ms before the guest is stopped.
          var event = run % 3 == 0 ? "migration-iteration" : "lifecycle";
          shell.run(
              "virsh event %s --event %s --timeout 60; %s virsh domjobabort %s"
                  .formatted(
                      spec.name(),
                      event,
                      run % 3 == 0
                          ? "virsh event %s --event %s --timeout 60;".formatted(spec.name(), event)
                          : "",
                      spec.name()));
          try {
            Waiting.until("it is over", OVER_WITHIN, () -> migration.phase().isTerminal());
          } catch (AssertionError | RuntimeException e) {
            stuck++;
            System.out.println(
                "try "
                    + run
                    + " is stuck: "
                    + migration.status().source()
                    + " "
                    + source.virsh("domstate", spec.name(), "--reason").out());
            source.libvirtd().restart();
            migration.awaitEnd();
          }
          outcomes.merge(String.valueOf(migration.phase()), 1, Integer::sum);
          var still = scene.guest().longestSilence(since);
          longest = still.compareTo(longest) > 0 ? still : longest;
        }
      }
    }
    System.out.printf(
        Locale.ROOT,
        "aborts by hand on %s n=%d: %s; stuck %d; longest standstill %.1f s; %s%n",
        source.settings().suite(),
        tries,
        outcomes,
        stuck,
        longest.toMillis() / 1000.0,
        steps(testbed));
  }

  /** What the watchdogs did so far. */
  private static String steps(Testbed testbed) {
    Map<String, Integer> steps = new TreeMap<>();
    for (var host : testbed.hosts()) {
      try (var lines = Files.lines(host.daemon().log())) {
        lines
            .filter(line -> line.contains("The watchdog acts"))
            .forEach(
                line -> {
                  for (var step : List.of("streams", "control", "nudge", "restart")) {
                    if (line.contains("\"step\":\"" + step + "\"")) {
                      steps.merge(step, 1, Integer::sum);
                    }
                  }
                });
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return "steps of the watchdog " + steps;
  }
}
