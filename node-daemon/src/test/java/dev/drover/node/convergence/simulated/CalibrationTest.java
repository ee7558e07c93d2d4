package dev.drover.node.convergence.simulated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.node.convergence.TransferPolicy;
import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

/**
 * The simulator beside real transfers of the testbed: a guest of 256 MiB that goes round in 128 of
 * them, under Drover. The first pass differs, as the simulator knows no empty memory.
 */
class CalibrationTest {
  private static final int PAGE = 4096;
  private static final int MEBIBYTE = (1 << 20) / PAGE;

  /** What each pass has to send, in MiB, by its iteration. */
  private static Map<Integer, Double> recorded(String trace) throws IOException {
    var json = new ObjectMapper();
    Map<Integer, Double> passes = new TreeMap<>();
    for (var line : Files.readAllLines(Path.of("src/test/resources/traces/" + trace + ".jsonl"))) {
      var look = json.readTree(line);
      passes.putIfAbsent(
          look.path("iteration").asInt(), look.path("remaining").asLong() / (double) (1 << 20));
    }
    return passes;
  }

  private record Simulated(Map<Integer, Double> passes, PreCopy.Outcome outcome) {}

  private static Simulated simulate(
      double linkMebibytes, double writtenMebibytes, int maxDowntime, int timeout) {
    var policy =
        new TransferPolicy(
            Duration.ofMillis(maxDowntime),
            Duration.ofSeconds(timeout),
            OnTimeout.Abort,
            false,
            false,
            Switchover.Automatic);
    Map<Integer, Double> passes = new TreeMap<>();
    var outcome =
        new PreCopy(
                256 * MEBIBYTE,
                PAGE,
                (long) (linkMebibytes * (1 << 20)),
                Comparison.OVERHEAD,
                false,
                1)
            .run(
                Workload.rounds(128 * MEBIBYTE, writtenMebibytes * MEBIBYTE),
                new DroverSteering(policy),
                look ->
                    passes.putIfAbsent(
                        look.iteration(), look.memoryRemainingBytes() / (double) (1 << 20)));
    return new Simulated(passes, outcome);
  }

  @Test
  void aBusyGuestShrinksAsItDidInReality() throws IOException {
    var real = recorded("busy");
    var simulated = simulate(32.5, 22, 1000, 3600);
    for (int iteration = 2; iteration <= 6; iteration++) {
      assertThat(simulated.passes().get(iteration))
          .as("iteration " + iteration)
          .isCloseTo(real.get(iteration), Percentage.withPercentage(15));
    }
    assertThat(simulated.outcome().moved()).isTrue();
    assertThat(simulated.outcome().passes()).isCloseTo(14, within(5));
  }

  @Test
  void aHopelessGuestStaysWhereItIsAndIsGivenUpAsInReality() throws IOException {
    var real = recorded("hopeless");
    var simulated = simulate(25, 60, 500, 600);
    List<Integer> iterations = new ArrayList<>(List.of(2, 3, 4, 5, 6, 7, 8));
    for (int iteration : iterations) {
      assertThat(simulated.passes().get(iteration))
          .as("iteration " + iteration)
          .isCloseTo(real.get(iteration), Percentage.withPercentage(5));
    }
    assertThat(simulated.outcome().moved()).isFalse();
    assertThat(simulated.outcome().passes()).isCloseTo(9, within(3));
  }
}
