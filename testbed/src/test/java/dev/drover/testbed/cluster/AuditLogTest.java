package dev.drover.testbed.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuditLogTest {

  private static final String OPERATOR = "system:serviceaccount:drover-system:drover-operator";

  @TempDir Path directory;

  @Test
  void countsWritesByUserAndObject() throws IOException {
    AuditLog log =
        log(
            event(OPERATOR, "patch", "status", 200),
            event(OPERATOR, "patch", "status", 200),
            event("admin", "create", "", 201));

    assertThat(log.countsByUserAndObject())
        .containsEntry(OPERATOR + " livemigrations/status default/move", 2L)
        .containsEntry("admin livemigrations default/move", 1L)
        .hasSize(2);
  }

  @Test
  void refusedWritesAreKnownAndNotCounted() throws IOException {
    AuditLog log = log(event(OPERATOR, "patch", "status", 403));

    assertThat(log.countsByUserAndObject()).isEmpty();
    assertThat(log.count(write -> !write.accepted())).isEqualTo(1);
  }

  @Test
  void aLineThatIsBeingWrittenIsPassedOver() throws IOException {
    AuditLog log = log(event("admin", "create", "", 201), "{\"stage\":\"Resp");

    assertThat(log.writes()).hasSize(1);
  }

  @Test
  void beforeTheFirstWriteThereIsNoFile() {
    assertThat(new AuditLog(directory.resolve("absent")).writes()).isEmpty();
  }

  private AuditLog log(String... lines) throws IOException {
    return new AuditLog(
        Files.writeString(directory.resolve("audit.log"), String.join("\n", lines)));
  }

  private static String event(String user, String verb, String subresource, int code) {
    return """
    {"kind":"Event","stage":"ResponseComplete","verb":"%s","user":{"username":"%s"},\
    "objectRef":{"resource":"livemigrations","namespace":"default","name":"move","subresource":"%s"},\
    "responseStatus":{"code":%d},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z"}"""
        .formatted(verb, user, subresource, code);
  }
}
