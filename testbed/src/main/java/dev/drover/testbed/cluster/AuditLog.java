package dev.drover.testbed.cluster;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The API server's audit log: who wrote what. It has requests that change something, and no others.
 */
public final class AuditLog {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Path file;

  public AuditLog(Path file) {
    this.file = file;
  }

  /** All writes so far, in the order in which they were answered. */
  public Stream<Write> writes() {
    try {
      return Files.readAllLines(file).stream().flatMap(line -> parse(line).stream());
    } catch (NoSuchFileException e) {
      return Stream.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public long count(Predicate<Write> wanted) {
    return writes().filter(wanted).count();
  }

  /** How often each user wrote each object, refused attempts left out. */
  public Map<String, Long> countsByUserAndObject() {
    var counts = new TreeMap<String, Long>(Comparator.naturalOrder());
    writes()
        .filter(Write::accepted)
        .forEach(write -> counts.merge(write.user() + " " + write.object(), 1L, Long::sum));
    return counts;
  }

  static Optional<Write> parse(String line) {
    JsonNode event;
    try {
      event = MAPPER.readTree(line);
    } catch (JsonProcessingException e) {
      // The last line, half written.
      return Optional.empty();
    }
    if (!event.path("stage").asText().equals("ResponseComplete")) {
      return Optional.empty();
    }
    JsonNode object = event.path("objectRef");
    return Optional.of(
        new Write(
            Instant.parse(event.path("requestReceivedTimestamp").asText()),
            event.path("user").path("username").asText(),
            event.path("verb").asText(),
            object.path("resource").asText(),
            object.path("subresource").asText(),
            object.path("namespace").asText(),
            object.path("name").asText(),
            event.path("responseStatus").path("code").asInt()));
  }

  /**
   * A request that wanted to change something.
   *
   * @param user such as {@code system:serviceaccount:drover-system:drover-operator}
   * @param resource plural, as in {@code livemigrations}
   * @param subresource such as {@code status}; empty for the object itself
   * @param namespace empty for what has none
   * @param code the HTTP status of the answer
   */
  public record Write(
      Instant at,
      String user,
      String verb,
      String resource,
      String subresource,
      String namespace,
      String name,
      int code) {

    public boolean accepted() {
      return code < 300;
    }

    public boolean concerns(String wantedResource, String wantedNamespace, String wantedName) {
      return resource.equals(wantedResource)
          && namespace.equals(wantedNamespace)
          && name.equals(wantedName);
    }

    /** {@code livemigrations/status default/move-web}, say. */
    public String object() {
      return resource
          + (subresource.isEmpty() ? "" : "/" + subresource)
          + " "
          + (namespace.isEmpty() ? "" : namespace + "/")
          + name;
    }
  }
}
