package dev.drover.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What the fence costs: how long a guest is not heard from outside while it moves, fenced against
 * direct, in turn. Run it by {@code ./test bench -Dtest=FenceBench}, or some of the guests with
 * {@code -Dguests=fence-2048}; the figures are in docs/reference/performance.md.
 */
@Tag("bench")
@DroverTestbed
class FenceBench {
  private static final int RUNS = Integer.getInteger("runs", 30);

  private record Run(long silentMilliseconds, Result result) {}

  @ParameterizedTest
  @CsvSource({"256, shared", "256, block", "2048, shared", "2048, block"})
  void fencedAgainstDirect(int touchedMib, String storage, Testbed testbed) {
    boolean block = storage.equals("block");
    var name = "fence-" + touchedMib + "-" + storage;
    assumeTrue(name.contains(System.getProperty("guests", "")), "not asked for");
    var spec =
        GuestSpec.named(name)
            .withMemoryMib(touchedMib + 256)
            .withDisk(block ? DiskSpec.local(64) : DiskSpec.shared(64));
    try (var guest = testbed.guest(spec)) {
      guest.start(testbed.host("n1")).awaitBooted();
      guest.fillDisk(0, 16);
      // All of it is touched once; then it is nearly idle, so that nothing but the order differs.
      guest.dirty(touchedMib, 400);
      Waiting.until(
          "the memory is touched", Duration.ofMinutes(4), () -> guest.dirtiedMib() >= touchedMib);
      guest.dirty(touchedMib, 4);
      Map<CommitOrder, List<Run>> runs = new EnumMap<>(CommitOrder.class);
      int number = 0;
      for (int pair = 0; pair < RUNS; pair++) {
        // Both directions for both orders.
        var first = pair % 2 == 0 ? CommitOrder.Fenced : CommitOrder.Direct;
        var second = first == CommitOrder.Fenced ? CommitOrder.Direct : CommitOrder.Fenced;
        for (var order : List.of(first, second)) {
          var run = migrate(testbed, guest, name + "-" + number, number % 2 == 0, order);
          runs.computeIfAbsent(order, _ -> new ArrayList<>()).add(run);
          number++;
        }
        if (pair % 10 == 9 && pair < RUNS - 1) {
          report(runs, name + ", so far");
        }
      }
      report(runs, name);
      assertThat(guest.twoCopiesHeard()).isFalse();
    }
  }

  private static void report(Map<CommitOrder, List<Run>> runs, String name) {
    for (var order : CommitOrder.values()) {
      var of = runs.get(order);
      report(name, order, "silent from outside", of, Run::silentMilliseconds);
      report(name, order, "libvirt's downtime", of, r -> r.result().libvirtDowntimeMilliseconds());
      report(name, order, "hand-over", of, r -> r.result().handOverMilliseconds());
    }
    long added = median(runs.get(CommitOrder.Fenced)) - median(runs.get(CommitOrder.Direct));
    System.out.printf("fence %s: the fence adds %d ms to the median%n", name, added);
  }

  private static long median(List<Run> runs) {
    return runs.stream().map(Run::silentMilliseconds).sorted().toList().get(runs.size() / 2);
  }

  private static Run migrate(
      Testbed testbed, Guest guest, String name, boolean there, CommitOrder order) {
    var from = there ? "n1" : "n2";
    var to = there ? "n2" : "n1";
    var client = testbed.controlPlane().client();
    Waiting.until(
        "the guest is seen on " + from,
        () -> {
          var vm =
              client
                  .resources(VirtualMachine.class)
                  .inNamespace("default")
                  .withName(guest.name())
                  .get();
          return vm != null
              && vm.getStatus() != null
              && from.equals(vm.getStatus().nodeName())
              && vm.getStatus().sightingsOrEmpty().size() == 1;
        });
    guest.awaitRunningOn(testbed.host(from));
    var migration = new LiveMigration();
    migration.setMetadata(new ObjectMetaBuilder().withNamespace("default").withName(name).build());
    migration.setSpec(
        LiveMigrationSpec.builder(guest.name())
            .target(new LiveMigrationSpec.Target(to, null))
            .commit(order)
            .build());
    var since = guest.observer().now();
    client.resource(migration).create();
    var done =
        client
            .resources(LiveMigration.class)
            .inNamespace("default")
            .withName(name)
            .waitUntilCondition(
                m -> m != null && m.getStatus() != null && m.getStatus().phaseValue().isTerminal(),
                180,
                TimeUnit.SECONDS);
    assertThat(done.getStatus().phaseValue()).as("%s", done.getStatus()).isEqualTo(Phase.Succeeded);
    guest.awaitRunningOn(testbed.host(to));
    return new Run(
        guest.longestSilence(since).toMillis(), Objects.requireNonNull(done.getStatus().result()));
  }

  private static void report(
      String guest, CommitOrder order, String what, List<Run> runs, Function<Run, Long> value) {
    var sorted = runs.stream().map(value).filter(Objects::nonNull).sorted().toList();
    if (!sorted.isEmpty()) {
      System.out.printf(
          Locale.ROOT,
          "fence %-18s %-6s %-20s n=%d median %d ms, P95 %d ms, max %d ms%n",
          guest,
          order,
          what,
          sorted.size(),
          sorted.get(sorted.size() / 2),
          sorted.get((int) Math.ceil(sorted.size() * 0.95) - 1),
          sorted.getLast());
    }
  }
}
