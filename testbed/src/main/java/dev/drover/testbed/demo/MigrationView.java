package dev.drover.testbed.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.process.Command;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;

/**
 * A LiveMigration as {@code kubectl} shows it to anybody: read as JSON, without Drover's own types.
 */
final class MigrationView {

  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final Set<String> TERMINAL = Set.of("Succeeded", "Failed", "Aborted");

  private final Testbed testbed;
  private final String namespace;
  private final String name;
  private JsonNode status = MAPPER.createObjectNode();

  private MigrationView(Testbed testbed, String namespace, String name) {
    this.testbed = testbed;
    this.namespace = namespace;
    this.name = name;
  }

  /** Applies a file with one LiveMigration. */
  static MigrationView apply(Testbed testbed, Path file) {
    JsonNode applied =
        parse(testbed.kubectl("apply", "-f", file.toString(), "-o", "json").orThrow());
    return new MigrationView(
        testbed,
        applied.at("/metadata/namespace").asText("default"),
        applied.at("/metadata/name").asText());
  }

  /** Reads it anew; an API server that is busy for a moment changes nothing. */
  void refresh() {
    Command.Result result =
        testbed.kubectl("get", "livemigration", name, "-n", namespace, "-o", "json");
    if (result.succeeded()) {
      status = parse(result).path("status");
    }
  }

  String phase() {
    return status.path("phase").asText("Pending");
  }

  boolean ended() {
    return TERMINAL.contains(phase());
  }

  boolean succeeded() {
    return phase().equals("Succeeded");
  }

  /** One line: where it is, how fast, and how long it still takes. */
  String progressLine() {
    JsonNode progress = status.path("progress");
    var line = new StringBuilder(String.format(Locale.ROOT, "%-14s", phase()));
    if (progress.isObject()) {
      line.append(String.format(Locale.ROOT, " %3.0f %%", progress.path("percent").asDouble()));
      append(line, progress, "throughputMiBps", "  %.1f MiB/s");
      append(line, progress, "dirtyRateMiBps", "  dirtied %.1f MiB/s");
      append(line, progress, "iteration", "  round %.0f");
      append(line, progress, "etaSeconds", "  %.0f s to go");
    }
    return line.toString();
  }

  /** A figure of {@code status.result}, or a dash. */
  String result(String field) {
    return status.path("result").path(field).asText("-");
  }

  String failure() {
    JsonNode failure = status.path("failure");
    return failure.path("reason").asText() + ": " + failure.path("message").asText();
  }

  private static void append(StringBuilder line, JsonNode progress, String field, String format) {
    if (progress.path(field).isNumber()) {
      line.append(String.format(Locale.ROOT, format, progress.path(field).asDouble()));
    }
  }

  private static JsonNode parse(Command.Result result) {
    try {
      return MAPPER.readTree(result.out());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
