package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * How long a guest stands still, as heard from outside, when the link to the target or the target
 * fails in the middle of its transfer; without and with the watchdog. Run it by {@code ./test bench
 * -Dtest=StandstillBench}; the figures are in docs/reliability.md.
 */
@Tag("bench")
@DroverTestbed
class StandstillBench {
  private static final Duration FAULT_LASTS = Duration.ofSeconds(60);
  private static final Duration OBSERVED_AFTERWARDS = Duration.ofSeconds(15);
  private static final Duration WANTED = Duration.ofSeconds(5);

  /** When the fault happens. */
  enum Moment {
    DiskCopy,
    MemoryCopy,
    Switchover;

    /** Returns when it has come. {@code migration} has just been applied. */
    void await(Scene scene, Migration migration) {
      switch (this) {
        case DiskCopy -> migration.awaitDiskCopy();
        case MemoryCopy -> migration.awaitMemoryCopy();
        case Switchover ->
            scene
                .source()
                .virsh(
                    Migration.DEADLINE,
                    "event",
                    scene.guest().name(),
                    "lifecycle",
                    "--timeout",
                    "120")
                .orThrow();
      }
    }
  }

  @Test
  void without(Testbed testbed) throws InterruptedException {
    permit(testbed, "Never");
    try {
      measure(testbed, "without", cells("without"));
    } finally {
      permit(testbed, "Allowed");
    }
  }

  @Test
  void with(Testbed testbed) throws InterruptedException {
    var longest = measure(testbed, "with", cells("with"));
    assertThat(longest).isLessThanOrEqualTo(WANTED);
  }

  private record Cell(LinkFault fault, Moment moment, boolean block) {}

  /**
   * All, or those in whose mode and name the property's regular expression is found: {@code
   * -Dcells='without.*LinkCut'}.
   */
  private static List<Cell> cells(String mode) {
    var only = Pattern.compile(System.getProperty("cells", ""));
    List<Cell> cells = new ArrayList<>();
    for (var fault : LinkFault.values()) {
      for (var moment : Moment.values()) {
        for (boolean block : new boolean[] {true, false}) {
          var cell = new Cell(fault, moment, block);
          boolean makesSense = block || moment != Moment.DiskCopy;
          if (makesSense && only.matcher(mode + cell).find()) {
            cells.add(cell);
          }
        }
      }
    }
    return cells;
  }

  private static void permit(Testbed testbed, String permission) {
    for (var host : testbed.hosts()) {
      host.daemon().with("DROVER_BREAK_CONNECTIONS", permission);
      host.daemon().restart();
    }
  }

  private static Duration measure(Testbed testbed, String mode, List<Cell> cells)
      throws InterruptedException {
    var longest = Duration.ZERO;
    for (var cell : cells) {
      try {
        var still = measure(testbed, mode, cell);
        longest = still.compareTo(longest) > 0 ? still : longest;
      } catch (AssertionError | RuntimeException e) {
        System.out.println("standstill " + mode + " " + cell + " FAILED " + firstLine(e));
        longest = Duration.ofHours(1);
      }
      cleanUp(testbed, mode);
    }
    return longest;
  }

  /** What still hangs in a dead connection would hold the places of the next one. */
  private static void cleanUp(Testbed testbed, String mode) {
    if (mode.equals("without")) {
      testbed.hosts().forEach(HypervisorHost::powerOff);
    }
    testbed.repair();
    Waiting.until(
        "every migration has ended",
        Migration.DEADLINE,
        () ->
            testbed
                .controlPlane()
                .client()
                .resources(LiveMigration.class)
                .inNamespace(Migration.NAMESPACE)
                .list()
                .getItems()
                .stream()
                .allMatch(each -> each.getStatus().phaseValue().isTerminal()));
    // Not before: of a guest that nobody defines any more, a migration waits for a person.
    testbed.removeGuests();
  }

  private static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private static Duration measure(Testbed testbed, String mode, Cell cell)
      throws InterruptedException {
    var name = (cell.fault() + "-" + cell.moment() + "-" + cell.block()).toLowerCase(Locale.ROOT);
    var disk = cell.block() ? DiskSpec.local(128) : DiskSpec.shared(64);
    boolean switchover = cell.moment() == Moment.Switchover;
    var spec =
        GuestSpec.named(name).withDisk(disk).dirtying(switchover ? 24 : 96, switchover ? 40 : 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      if (cell.block()) {
        scene.guest().fillDisk(0, cell.moment() == Moment.DiskCopy ? 96 : 16);
      }
      if (switchover) {
        // QEMU drops every cap while the guest stands still: only a slow line makes it last, some
        // three seconds.
        tc("add", "root", "tbf", "rate", "80mbit", "burst", "128kb", "latency", "400ms");
      }
      try {
        return measure(testbed, mode, cell, scene, boot);
      } finally {
        if (switchover) {
          Command.of("tc", "qdisc", "del", "dev", "drover-n2", "root").run();
        }
      }
    }
  }

  private static Duration measure(Testbed testbed, String mode, Cell cell, Scene scene, String boot)
      throws InterruptedException {
    var migration =
        scene.migrate(
            "target: {nodeName: n2}\n"
                + (cell.moment() == Moment.Switchover
                    ? "maxDowntimeMilliseconds: 4000\n"
                    : "bandwidthMiBps: 6\n"));
    cell.moment().await(scene, migration);
    HypervisorHost target = scene.target();
    var since = scene.guest().observer().now();
    var injected = cell.fault().inject(target, scene.guest().name());
    var began = Instant.now();
    var end = began.plus(FAULT_LASTS);
    while (Instant.now().isBefore(end) && !isHereAgain(scene, migration)) {
      TimeUnit.MILLISECONDS.sleep(200);
    }
    var status = migration.status();
    var source = status.source();
    long knownAfter = Duration.between(began, Instant.now()).toSeconds();
    TimeUnit.SECONDS.sleep(2);
    injected.mend(testbed);
    var observed = Instant.now().plus(OBSERVED_AFTERWARDS);
    while (Instant.now().isBefore(observed) && !migration.phase().isTerminal()) {
      TimeUnit.MILLISECONDS.sleep(200);
    }
    TimeUnit.SECONDS.sleep(1);
    var still = scene.guest().longestSilence(since);
    boolean over = migration.phase().isTerminal();
    System.out.printf(
        Locale.ROOT,
        "standstill %-7s %-21s %-10s %-6s %6.1f s; source said %s/%s after %d s; %s%n",
        mode,
        cell.fault(),
        cell.moment(),
        cell.block() ? "block" : "shared",
        still.toMillis() / 1000.0,
        source == null ? null : source.state(),
        source == null ? null : source.reason(),
        knownAfter,
        over ? migration.phase() : "not over");
    assertThat(scene.guest().twoCopiesHeard()).as("two copies").isFalse();
    if (mode.equals("with")) {
      // What only waited for a link has gone on when that was back.
      if (migration.awaitEnd().phaseValue() == Phase.Succeeded) {
        scene.assertMoved(boot);
      } else {
        scene.assertStayed(boot);
      }
    }
    return still;
  }

  /** The transfer is over, and the guest beats. */
  private static boolean isHereAgain(Scene scene, Migration migration) {
    var source = migration.status().source();
    return source != null
        && Stream.of("Stopped", "Switched").anyMatch(source.state().name()::equals)
        && scene.guest().runningOn().isPresent();
  }

  private static void tc(String verb, String... arguments) {
    var command =
        Stream.concat(Stream.of("tc", "qdisc", verb, "dev", "drover-n2"), Arrays.stream(arguments));
    Command.of(command.toList()).output();
  }
}
