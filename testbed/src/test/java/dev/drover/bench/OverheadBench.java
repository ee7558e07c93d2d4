package dev.drover.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What Drover adds to a transfer: from the apply to libvirt's start, and from the resumed guest to
 * Succeeded. All clocks are this machine's. Run it by {@code ./test bench}; the figures are in
 * docs/reference/performance.md.
 */
@Tag("bench")
@DroverTestbed
class OverheadBench {
  private static final int RUNS = 20;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private record Run(
      long beforeMilliseconds, long afterMilliseconds, LiveMigrationStatus.Result result) {}

  @Test
  void overhead(Testbed testbed) throws Exception {
    var guest = testbed.guest(GuestSpec.named("pendulum"));
    guest.start(testbed.host("n1")).awaitBooted();
    migrate(testbed, "warmup-1", "n1", "n2");
    migrate(testbed, "warmup-2", "n2", "n1");
    List<Run> runs = new ArrayList<>();
    for (int i = 0; i < RUNS; i++) {
      boolean there = i % 2 == 0;
      runs.add(migrate(testbed, "run-" + i, there ? "n1" : "n2", there ? "n2" : "n1"));
    }
    report("apply to transfer start", runs.stream().map(Run::beforeMilliseconds).toList());
    report("resumed guest to Succeeded", runs.stream().map(Run::afterMilliseconds).toList());
    report(
        "together",
        runs.stream().map(r -> r.beforeMilliseconds() + r.afterMilliseconds()).toList());
    report("downtime (Drover)", runs.stream().map(r -> r.result().downtimeMilliseconds()).toList());
    report(
        "downtime (libvirt)",
        runs.stream().map(r -> r.result().libvirtDowntimeMilliseconds()).toList());
    report("hand-over", runs.stream().map(r -> r.result().handOverMilliseconds()).toList());
    guest.close();
  }

  private static Run migrate(Testbed testbed, String name, String from, String to)
      throws Exception {
    var client = testbed.controlPlane().client();
    Waiting.until(
        "the guest is seen on " + from,
        () -> {
          var vm =
              client
                  .resources(VirtualMachine.class)
                  .inNamespace("default")
                  .withName("pendulum")
                  .get();
          return vm != null
              && vm.getStatus() != null
              && from.equals(vm.getStatus().nodeName())
              && vm.getStatus().sightingsOrEmpty().size() == 1;
        });
    var migration = new LiveMigration();
    migration.setMetadata(
        new ObjectMetaBuilder().withNamespace("default").withName("bench-" + name).build());
    migration.setSpec(
        LiveMigrationSpec.builder("pendulum")
            .target(new LiveMigrationSpec.Target(to, null))
            .build());
    var resource = client.resources(LiveMigration.class).inNamespace("default");
    var applied = Instant.now();
    client.resource(migration).create();
    var done =
        resource
            .withName("bench-" + name)
            .waitUntilCondition(
                m -> m != null && m.getStatus() != null && m.getStatus().phaseValue().isTerminal(),
                120,
                TimeUnit.SECONDS);
    var ended = Instant.now();
    assertThat(done.getStatus().phaseValue()).as("%s", done.getStatus()).isEqualTo(Phase.Succeeded);
    var source = testbed.host(from);
    var started = logged(source, "bench-" + name, "The transfer has started");
    var moved = logged(source, "bench-" + name, "The guest has moved");
    return new Run(
        Duration.between(applied, started).toMillis(),
        Duration.between(moved, ended).toMillis(),
        done.getStatus().result());
  }

  private static Instant logged(HypervisorHost host, String migration, String message)
      throws IOException {
    for (var line : Files.readAllLines(host.daemon().log())) {
      if (line.contains(message) && line.contains("\"" + migration + "\"")) {
        JsonNode json = MAPPER.readTree(line);
        return Instant.ofEpochMilli(json.path("timestamp").asLong());
      }
    }
    throw new AssertionError(host.name() + " has not logged \"" + message + "\" of " + migration);
  }

  private static void report(String what, List<Long> values) {
    var sorted = values.stream().filter(v -> v != null).sorted().toList();
    System.out.printf(
        "%-28s n=%d median %d ms, min %d, max %d%n",
        what, sorted.size(), sorted.get(sorted.size() / 2), sorted.getFirst(), sorted.getLast());
  }
}
