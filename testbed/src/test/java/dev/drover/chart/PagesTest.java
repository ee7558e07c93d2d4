package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.process.Recipes;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/security.md and docs/install.md name tests and values that are there. */
class PagesTest {
  private static final Pattern TEST =
      Pattern.compile("`(?:([A-Z]\\w+(?:Test|IT))(?:#(\\w+))?|#(\\w+))`");
  private static final Pattern VALUE =
      Pattern.compile(
          "(?<![\\w.])(?:crds|admissionPolicies|operator|nodeDaemon|monitoring|networkPolicy)\\.[a-zA-Z.]*[a-zA-Z]");

  /** Where a method is that is named without its class. */
  private static final String DEFAULT_CLASS = "NodeBoundaryApiTest";

  @Test
  void theTestsAreThere() throws IOException {
    var sources = sources();
    var named = TEST.matcher(page("security.md")).results().toList();

    assertThat(named).hasSizeGreaterThan(30).allSatisfy(test -> assertIsThere(test, sources));
  }

  private static void assertIsThere(MatchResult test, Map<String, String> sources) {
    var name = test.group(1) == null ? DEFAULT_CLASS : test.group(1);
    var method = test.group(1) == null ? test.group(3) : test.group(2);
    assertThat(sources).containsKey(name);
    if (method != null) {
      assertThat(sources.get(name)).contains("void " + method + "(");
    }
  }

  private static Map<String, String> sources() throws IOException {
    var root = Recipes.sourceTree();
    try (var files =
        Stream.of("crds", "operator", "node-daemon", "testbed")
            .flatMap(module -> walk(root.resolve(module).resolve("src/test/java")))) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !file.endsWith("package-info.java"))
          .collect(
              Collectors.toMap(
                  file -> file.getFileName().toString().replace(".java", ""),
                  PagesTest::read,
                  String::concat));
    }
  }

  @Test
  void theValuesAreThere() throws IOException {
    var values =
        Serialization.yamlMapper()
            .readTree(ChartInstallation.chart().resolve("values.yaml").toFile());
    for (var page : List.of("security.md", "install.md", "how-to/check.md")) {
      assertThat(VALUE.matcher(page(page)).results().map(MatchResult::group))
          .as(page)
          .isNotEmpty()
          .allMatch(value -> isThere(values, value));
    }
  }

  /** Below a selector anything may stand. */
  private static boolean isThere(JsonNode values, String path) {
    var node = values;
    for (var name : path.split("\\.")) {
      if (node.isObject() && node.isEmpty() || path.contains("nodeSelector.")) {
        return true;
      }
      node = node.path(name);
    }
    return !node.isMissingNode();
  }

  private static String page(String name) {
    return read(Recipes.sourceTree().resolve("docs").resolve(name));
  }

  private static Stream<Path> walk(Path directory) {
    try {
      return Files.walk(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
