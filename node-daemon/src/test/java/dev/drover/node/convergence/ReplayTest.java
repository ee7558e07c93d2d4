package dev.drover.node.convergence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Traces of real transfers on the testbed, recorded by SteeringIT. */
class ReplayTest {
  private static final Path TRACES = Path.of("src/test/resources/traces");

  private static List<TraceLine> trace(String name) throws IOException {
    try (var lines = Files.lines(TRACES.resolve(name + ".jsonl"))) {
      return lines.map(TraceLine::parse).toList();
    }
  }

  private static TransferPolicy policy(int downtime, int timeout, boolean postCopy) {
    return new TransferPolicy(
        Duration.ofMillis(downtime),
        Duration.ofSeconds(timeout),
        OnTimeout.Abort,
        postCopy,
        false,
        Switchover.Automatic);
  }

  @Test
  void aLineIsTheSampleItWasMadeOf() throws IOException {
    for (var line : trace("hopeless")) {
      assertThat(TraceLine.of(line.sample())).isEqualTo(line);
      assertThat(TraceLine.parse(line.toString())).isEqualTo(line);
    }
  }

  @Test
  void theHopelessGuestIsGivenUpAsItWasThen() throws IOException {
    var decisions = new Replay(policy(500, 600, false)).decisions(trace("hopeless"));
    assertThat(decisions)
        .extracting(made -> made.decision().word())
        .containsExactly("AllowDowntime", "GiveUp");
    assertThat(decisions.getLast().decision())
        .isInstanceOfSatisfying(
            Decision.GiveUp.class, d -> assertThat(d.reason()).isEqualTo(Reason.WillNotConverge));
  }

  @Test
  void withPostCopyAllowedItWouldHaveMovedWithinThreeIterations() throws IOException {
    var decisions = new Replay(policy(500, 600, true)).decisions(trace("hopeless"));
    assertThat(decisions.getLast().decision()).isInstanceOf(Decision.StartPostCopy.class);
    assertThat(decisions.getLast().by().iteration()).isLessThanOrEqualTo(4);
  }

  @Test
  void theBusyGuestIsAllowedALongerStopAndNothingElse() throws IOException {
    assertThat(new Replay(policy(1000, 3600, false)).decisions(trace("busy")))
        .extracting(made -> made.decision().word())
        .containsExactly("AllowDowntime");
  }
}
