package dev.drover.testbed.faults;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came of one cell; a line of the results file.
 *
 * @param cell its name; of a random schedule, {@code random/SEED/NUMBER}
 * @param hit where the migration stood when the fault happened: phase, the source's and the
 *     target's word, and whose QEMU process was there
 * @param outcome an {@code Outcome}
 * @param reason of the failure, or of what is waited for
 * @param secondsToEnd from the end of the fault to the terminal phase; null: it has none
 * @param silenceMilliseconds the longest time that the guest was not heard, from the fault on;
 *     null: it is gone
 * @param copies how many were seen at most
 * @param violations of what must hold; empty: all is well
 * @param seconds the whole cell, the next migration included
 * @param commit of the source tree
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Result(
    String cell,
    String hit,
    String outcome,
    @Nullable String phase,
    @Nullable String reason,
    @Nullable Double secondsToEnd,
    @Nullable Long silenceMilliseconds,
    int copies,
    List<String> violations,
    double seconds,
    String at,
    String commit) {

  @JsonProperty
  public boolean well() {
    return violations.isEmpty();
  }
}
