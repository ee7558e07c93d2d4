package dev.drover.testbed.faults;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The file with one line for each cell that was run, in JSON: {@code
 * testbed/target/faults/results.jsonl}. It is appended to, so that an interrupted run can be
 * resumed.
 */
public final class Results {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Path file;

  public Results() {
    this(Recipes.sourceTree().resolve("testbed/target/faults/results.jsonl"));
  }

  public Results(Path file) {
    this.file = file;
  }

  /** All lines, the oldest first. */
  public List<Result> all() {
    if (!Files.exists(file)) {
      return List.of();
    }
    List<Result> results = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(file)) {
        results.add(MAPPER.readValue(line, Result.class));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(file + " can't be read; move it away to begin anew", e);
    }
    return results;
  }

  public void add(Result result) {
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(
          file,
          MAPPER.writeValueAsString(result) + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    System.out.println(line(result));
  }

  private static String line(Result result) {
    return String.format(
        Locale.ROOT,
        "faults: %s %-50s hit %s -> %s %s (%s), end after %s s, silent %s ms, copies %d, %.0f s%s",
        result.well() ? "ok  " : "FAIL",
        result.cell(),
        result.hit(),
        result.outcome(),
        result.phase(),
        result.reason(),
        result.secondsToEnd() == null
            ? "-"
            : String.format(Locale.ROOT, "%.1f", result.secondsToEnd()),
        result.silenceMilliseconds() == null ? "-" : result.silenceMilliseconds(),
        result.copies(),
        result.seconds(),
        result.well() ? "" : "\n  " + String.join("\n  ", result.violations()));
  }

  /** The commit that is being tested, with a mark if the tree has changes. */
  public static String commit() {
    var described =
        Command.of("git", "-C", Recipes.sourceTree().toString(), "describe", "--always", "--dirty")
            .run();
    return described.succeeded() ? described.out().strip() : "unknown";
  }
}
