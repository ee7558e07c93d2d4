package dev.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is in the images, and that the same sources give the same images. */
@Tag("e2e")
class ImagesIT {

  private static final Duration BUILD_DEADLINE = Duration.ofMinutes(15);
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path unpacked;

  /** The limits are those of what is stored and fetched, and of what lies on a node's disk. */
  @ParameterizedTest
  @CsvSource({"operator, 150", "node-daemon, 200"})
  void itIsSmallAndHoldsNoShell(String component, long limitMegabytes) throws IOException {
    Path archive = Recipes.image(component);
    List<Entry> files = filesOf(archive);
    long size = files.stream().mapToLong(Entry::bytes).sum();
    System.out.printf(
        "image of the %s: %.1f MB, %.1f MB unpacked%n",
        component, Files.size(archive) / 1e6, size / 1e6);

    assertThat(size).isLessThan(limitMegabytes * 1_000_000);
    assertThat(files)
        .extracting(Entry::path)
        .contains("./opt/java/bin/java")
        .anyMatch(path -> path.startsWith("./opt/drover/drover-crds-"))
        .noneMatch(path -> path.matches("\\./(usr/)?s?bin/.+"))
        .noneMatch(path -> path.endsWith("/sh") || path.endsWith("/bash"));
    // What a scanner looks for.
    assertThat(files).extracting(Entry::path).contains("./var/lib/dpkg/status.d/libc6");
  }

  /** Maven leaves the list out when it is offline. */
  @ParameterizedTest
  @ValueSource(strings = {"operator", "node-daemon"})
  void itHoldsAListOfWhatItIsMadeOf(String component) throws IOException {
    Path archive = Recipes.image(component);
    Path built = jars(component).resolve("bom.json");
    assumeThat(built).exists();

    assertThat(filesOf(archive)).extracting(Entry::path).contains("./opt/drover/bom.json");
    JsonNode bom = JSON.readTree(built.toFile());
    assertThat(bom.get("bomFormat").asText()).isEqualTo("CycloneDX");
    assertThat(bom.get("components"))
        .extracting(library -> library.get("name").asText())
        .contains("kubernetes-client", "operator-framework-core");
  }

  @ParameterizedTest
  @ValueSource(strings = {"operator", "node-daemon"})
  void builtTwiceItIsTheSame(String component) throws IOException {
    Recipes.image(component);
    String first = digest(component);

    Command.of(Recipes.sourceTree().resolve("images/build.sh").toString(), component)
        .with(Map.of("FRESH", "yes"))
        .within(BUILD_DEADLINE)
        .run()
        .orThrow();

    assertThat(digest(component)).startsWith("sha256:").isEqualTo(first);
  }

  /** The Dockerfiles can't be run here; that they say the same is what can be seen. */
  @ParameterizedTest
  @ValueSource(strings = {"operator", "node-daemon"})
  void itsDockerfileSaysTheSame(String component) throws IOException {
    JsonNode image = configuration(Recipes.image(component)).get("config");
    String dockerfile =
        Files.readString(Recipes.sourceTree().resolve("images/" + component + "/Dockerfile"));

    assertThat(line(dockerfile, "USER")).isEqualTo(image.get("User").asText());
    assertThat(JSON.readTree(line(dockerfile, "ENTRYPOINT"))).isEqualTo(image.get("Entrypoint"));
    assertThat(line(dockerfile, "ENV")).isEqualTo(image.get("Env").get(0).asText());
    assertThat(image.get("Labels").get("org.opencontainers.image.title").asText())
        .isEqualTo(
            Pattern.compile("title=\"(.*?)\"")
                .matcher(dockerfile)
                .results()
                .findFirst()
                .orElseThrow()
                .group(1));
    String epoch = line(dockerfile, "ARG SOURCE_DATE_EPOCH=").strip();
    assertThat(configuration(Recipes.image(component)).get("created").asText())
        .isEqualTo(Instant.ofEpochSecond(Long.parseLong(epoch)).toString());
  }

  @ParameterizedTest
  @CsvSource({"operator, 65532:65532", "node-daemon, 0:0"})
  void itNamesItsUserAndWhereItIsFrom(String component, String user) throws IOException {
    JsonNode image = configuration(Recipes.image(component));

    assertThat(image.get("config").get("User").asText()).isEqualTo(user);
    JsonNode labels = image.get("config").get("Labels");
    assertThat(labels.get("org.opencontainers.image.licenses").asText()).isEqualTo("Apache-2.0");
    assertThat(labels.get("org.opencontainers.image.version").asText()).isNotBlank();
    assertThat(OffsetDateTime.parse(image.get("created").asText())).isNotNull();
  }

  private static Path jars(String component) {
    return Recipes.sourceTree().resolve(component + "/target/drover-" + component);
  }

  private record Entry(String path, long bytes) {}

  /** All files of all layers. */
  private List<Entry> filesOf(Path archive) throws IOException {
    List<Entry> files = new ArrayList<>();
    for (JsonNode layer : manifest(archive).get("layers")) {
      Path blob = unpacked.resolve("blobs/sha256/" + layer.get("digest").asText().substring(7));
      // -rw-r--r-- 0/0   1234 2026-11-23 00:00 ./path
      for (String line : Command.of("tar", "tzvf", blob.toString()).output().split("\n")) {
        String[] words = line.strip().split("\\s+", 6);
        files.add(new Entry(words[5], Long.parseLong(words[2])));
      }
    }
    return files;
  }

  private JsonNode configuration(Path archive) throws IOException {
    return blob(manifest(archive).get("config").get("digest").asText());
  }

  private JsonNode manifest(Path archive) throws IOException {
    Command.of("tar", "xf", archive.toString(), "-C", unpacked.toString()).output();
    JsonNode index = JSON.readTree(unpacked.resolve("index.json").toFile());
    return blob(index.get("manifests").get(0).get("digest").asText());
  }

  private JsonNode blob(String digest) throws IOException {
    return JSON.readTree(
        Files.readString(
            unpacked.resolve("blobs/sha256/" + digest.substring("sha256:".length())), UTF_8));
  }

  private static String digest(String component) throws IOException {
    return Files.readString(
            Recipes.sourceTree()
                .resolve(component + "/target/drover-" + component + "-image.digest"))
        .strip();
  }

  private static String line(String dockerfile, String instruction) {
    return dockerfile
        .lines()
        .filter(line -> line.startsWith(instruction))
        .map(line -> line.substring(instruction.length()).strip())
        .findFirst()
        .orElseThrow();
  }
}
