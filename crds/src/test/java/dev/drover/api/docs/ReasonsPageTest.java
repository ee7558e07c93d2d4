package dev.drover.api.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReasonsPageTest {

  @Test
  void everyReasonIsOnThePageWithItsMeaningAndItsRemedy() throws IOException {
    var expected =
        Arrays.stream(Reason.values())
            .map(
                reason ->
                    "| `%s` | %s | %s |"
                        .formatted(reason, reason.meaning(), reason.remedy())
                        .replace("|  |", "| |"))
            .toList();

    assertThat(rows()).containsExactlyInAnyOrderElementsOf(expected);
  }

  /** Each row of the page's tables. */
  private static List<String> rows() throws IOException {
    return Files.readAllLines(Path.of("../docs/reference/reasons.md")).stream()
        .filter(line -> line.startsWith("| `"))
        .toList();
  }
}
