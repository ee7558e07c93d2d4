package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Decision;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.NodeDaemon;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Decisions by measurement, with real guests that write. */
@DroverTestbed
class SteeringIT {

  @Test
  void aGuestThatCanNotConvergeIsGivenUpLongBeforeTheTimeout(Testbed testbed) {
    var spec = GuestSpec.named("hopeless").dirtying(128, 60);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration =
          scene.migrate(
              """
              target: {nodeName: n2}
              bandwidthMiBps: 24
              completionTimeoutSeconds: 600
              """);
      var status = migration.awaitFailed(Reason.WillNotConverge);
      System.out.printf(
          "given up after %d ms: %s%n",
          status.progress().elapsedMilliseconds(), status.failure().message());
      assertThat(status.progress().elapsedMilliseconds()).isLessThan(150_000);
      assertThat(status.decisions())
          .extracting(Decision::decision)
          .containsExactly("AllowDowntime", "GiveUp");
      var last = status.decisions().getLast();
      assertThat(status.failure().message()).isEqualTo(last.because());
      assertThat(last.iteration()).isGreaterThan(3);
      assertThat(last.memoryRemainingBytes()).isPositive();
      assertThat(last.throughputMiBps()).isBetween(16, 32);
      Waiting.until(
          "each decision is an event",
          () -> decisionEvents(testbed, migration).equals("Normal Warning "));
      record(scene, migration);
      scene.assertStayed(boot);
    }
  }

  @Test
  void aBusyGuestMovesWithinItsDowntime(Testbed testbed) {
    var spec = GuestSpec.named("busy").dirtying(128, 22);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration =
          scene.migrate(
              """
              target: {nodeName: n2}
              bandwidthMiBps: 32
              maxDowntimeMilliseconds: 1000
              """);
      var status = migration.awaitSucceeded();
      System.out.printf(
          "busy guest: %d ms, downtime %d ms, %d iterations, decided %s%n",
          status.result().totalMilliseconds(),
          status.result().downtimeMilliseconds(),
          status.result().iterations(),
          status.decisions());
      assertThat(status.result().downtimeMilliseconds()).isLessThanOrEqualTo(1000);
      assertThat(status.decisions())
          .singleElement()
          .satisfies(d -> assertThat(d.decision()).isEqualTo("AllowDowntime"));
      record(scene, migration);
      scene.assertMoved(boot);
    }
  }

  /** Their types, in order of time. */
  private static String decisionEvents(Testbed testbed, Migration migration) {
    return testbed
        .kubectl(
            "-n",
            Migration.NAMESPACE,
            "get",
            "events.events.k8s.io",
            "--sort-by=.eventTime",
            "-o",
            "jsonpath={range .items[?(@.regarding.name==\""
                + migration.name()
                + "\")]}{.reason}/{.type}{\"\\n\"}{end}")
        .out()
        .lines()
        .filter(event -> event.startsWith("Decided/"))
        .map(event -> event.substring("Decided/".length()) + " ")
        .collect(Collectors.joining());
  }

  /** Writes what the daemon has seen of the transfer, if that is asked for. */
  private static void record(Scene scene, Migration migration) {
    var directory = System.getenv(NodeDaemon.TRACES_DIRECTORY);
    if (directory == null) {
      return;
    }
    var json = new ObjectMapper();
    var quoted = '"' + migration.name() + '"';
    List<String> trace = new ArrayList<>();
    try (var lines = Files.lines(scene.source().daemon().log())) {
      for (var line : (Iterable<String>) lines::iterator) {
        if (line.contains("dev.drover.node.trace") && line.contains(quoted)) {
          trace.add(json.readTree(line).path("kvpList").path(0).path("look").asText());
        }
      }
      Files.write(Path.of(directory, scene.guest().name() + ".jsonl"), trace);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
