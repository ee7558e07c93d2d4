package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a person with kubectl, a dashboard or an alert sees of a migration. */
@DroverTestbed
class WatchingIT {

  @Test
  void aMigrationIsSeenByKubectlEventsAndMetrics(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("watched"))) {
      var migration = scene.migrate("target: {nodeName: n2}\n");
      var wait =
          testbed.kubectl(
              "-n",
              Migration.NAMESPACE,
              "wait",
              "lmig/" + migration.name(),
              "--for=condition=Succeeded",
              "--timeout=120s");
      assertThat(wait.exitCode()).as(wait.err()).isZero();

      var table = testbed.kubectl("-n", Migration.NAMESPACE, "get", "lmig", migration.name()).out();
      assertThat(table).contains("VM", "SOURCE", "TARGET", "PHASE", "PERCENT", "DOWNTIME", "AGE");
      assertThat(table).containsPattern(migration.name() + " +watched +n1 +n2 +Succeeded");

      var status = migration.status();
      assertThat(status.observedGeneration())
          .isEqualTo(migration.object().orElseThrow().getMetadata().getGeneration());

      for (var reason :
          new String[] {"Checking", "Reserving", "Transferring", "Committing", "Succeeded"}) {
        Waiting.until(
            "an event of " + reason,
            () ->
                testbed
                    .kubectl(
                        "-n",
                        Migration.NAMESPACE,
                        "get",
                        "events.events.k8s.io",
                        "-o",
                        "jsonpath={range .items[?(@.regarding.name==\""
                            + migration.name()
                            + "\")]}{.reason}{\"\\n\"}{end}")
                    .out()
                    .contains(reason));
      }

      var operator = testbed.metrics(testbed.operator().httpUrl());
      assertThat(operator)
          .contains(
              "drover_migrations{phase=\"Succeeded\"}",
              "drover_migration_duration_seconds_bucket",
              "drover_migration_downtime_seconds_bucket");
      assertThat(testbed.metrics(scene.source().daemon().httpUrl()))
          .contains("drover_daemon_libvirt_connected 1", "drover_daemon_transfers 0");
      assertThat(testbed.metrics(scene.target().daemon().httpUrl()))
          .contains("drover_daemon_reservations 0");
    }
  }

  /** As tools do that make a VM anew when its definition has changed. */
  @Test
  void aVmThatIsDefinedAnewHasItsNameAgain(Testbed testbed) {
    var source = testbed.host("n1");
    var target = testbed.host("n2");
    try (var first = new Dormant(testbed, "anew", source, target).define()) {
      var before = domainUuid(testbed, first.name());
      source.virsh("undefine", first.name()).orThrow();
      try (var second = new Dormant(testbed, first.name(), source, target)) {
        second.defineUnseen();
        Waiting.until(
            "the other domain has the name",
            Migration.DEADLINE,
            () -> !List.of("", before).contains(domainUuid(testbed, second.name())));
        Migration.awaitSeenShutOff(testbed, second.name(), source.name());
        second.migrate("").awaitSucceeded();
      }
    }
  }

  private static String domainUuid(Testbed testbed, String virtualMachine) {
    return Migration.machine(testbed, virtualMachine, "{.spec.domainUuid}");
  }
}
