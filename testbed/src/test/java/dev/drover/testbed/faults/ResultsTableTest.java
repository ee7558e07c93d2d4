package dev.drover.testbed.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultsTableTest {

  private static Result result(String cell, String outcome, int copies, String... violations) {
    return new Result(
        cell,
        "PreCopy/Transferring/Reserved/n1+n2",
        outcome,
        "Failed",
        "TransferFailed",
        1.5,
        400L,
        copies,
        List.of(violations),
        12,
        "2026-01-01T00:00:00Z",
        "abc");
  }

  @Test
  void whatIsWrittenIsRead(@TempDir Path directory) {
    var results = new Results(directory.resolve("faults/results.jsonl"));
    results.add(result("RamCopy/OperatorKilled/Block", "Moved", 1));
    results.add(result("HandOver/OperatorKilled/Block", "Stayed", 1, "left over: [domain on n2]"));
    assertThat(results.all()).hasSize(2);
    assertThat(results.all().getLast().well()).isFalse();
    assertThat(results.all().getLast().violations()).containsExactly("left over: [domain on n2]");
  }

  @Test
  void theTableTellsOutcomesSilenceAndWhatWentWrong() {
    var text =
        new ResultsTable(
                List.of(
                    result("RamCopy/OperatorKilled/Block", "Moved", 1),
                    result("RamCopy/OperatorKilled/Block", "Moved", 1),
                    result("HandOver/TargetLibvirtdKilled/Shared", "Moved", 2, "TWO COPIES"),
                    result("random/17", "Stayed", 1)))
            .markdown();
    assertThat(text)
        .contains("| kill -9 of the operator |  |  |  | Moved ×2 0.4 s |")
        .contains("**wrong**: Moved")
        .contains("| HandOver/TargetLibvirtdKilled/Shared |")
        .contains("| runs in which two copies were seen | 1 |")
        .contains("1 schedules, seeds 17 to 17");
  }
}
