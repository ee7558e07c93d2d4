package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Two copies that Drover has no part in: somebody was at work with virsh. */
@DroverTestbed
class SplitBrainIT {
  /** The promise is "at once"; kubectl and a busy machine take their time. */
  private static final Duration AT_ONCE = Duration.ofSeconds(10);

  @Test
  void aCopyThatSomebodyStartsIsToldAtOnceAndNothingIsMoved(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("doubled"))) {
      var boot = scene.guest().bootId();
      var xml = scene.source().virsh("dumpxml", "--migratable", "doubled").orThrow().out();
      startByHand(scene.target(), xml);

      awaitSplitBrain(testbed, "True");
      Waiting.until(
          "an event",
          AT_ONCE,
          () ->
              testbed
                  .kubectl(
                      "get",
                      "events.events.k8s.io",
                      "-o",
                      "jsonpath={range .items[?(@.regarding.name==\"doubled\")]}{.type} {.reason}{\"\\n\"}{end}")
                  .out()
                  .contains("Warning SplitBrain"));
      awaitMetric(testbed, "drover_split_brains 1");

      var failed = scene.migrate("target: {nodeName: n2}\n").awaitFailed(Reason.SplitBrain);
      assertThat(failed.failure().message()).contains("n1").contains("n2");
      assertThat(scene.guest().qemuOn()).containsExactly(scene.source(), scene.target());

      scene.target().virsh("destroy", "doubled").orThrow();
      awaitSplitBrain(testbed, "False");
      awaitMetric(testbed, "drover_split_brains 0");
      Migration.awaitSeen(testbed, "doubled", "n1");
      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.guest().awaitRunningOn(scene.target());
      assertThat(scene.guest().bootId()).isNotBlank();
      assertThat(boot).isNotBlank();
    }
  }

  static void startByHand(HypervisorHost host, String xml) {
    Command.of(host.entering(List.of("virsh", "-q", "create /dev/stdin")))
        .withInput(xml)
        .run()
        .orThrow();
  }

  private static void awaitSplitBrain(Testbed testbed, String status) {
    Waiting.until(
        "SplitBrain is " + status,
        AT_ONCE,
        () ->
            Migration.machineCondition(testbed, "doubled", ConditionType.SplitBrain)
                .equals(status));
  }

  private static void awaitMetric(Testbed testbed, String line) {
    Waiting.until(
        line,
        AT_ONCE,
        () ->
            testbed
                .metrics(testbed.operator().httpUrl())
                .lines()
                .anyMatch(l -> l.startsWith(line)));
  }
}
