package dev.drover.api.crd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is committed is what the records say: for {@code kubectl apply -f crds/} and the chart. */
class CrdYamlTest {

  @BeforeAll
  static void update() throws IOException {
    if (Boolean.getBoolean("crds.update")) {
      CrdYaml.write(Path.of("."));
      CrdYaml.write(Path.of("../helm/drover/files/crds"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {".", "../helm/drover/files/crds"})
  void committedFilesAreWhatTheRecordsSay(String directory) throws IOException {
    assertThat(yamlFiles(Path.of(directory)))
        .as("run: mvn -f crds/pom.xml test -Dtest=CrdYamlTest -Dcrds.update=true")
        .isEqualTo(CrdYaml.files());
  }

  private static Map<String, String> yamlFiles(Path directory) throws IOException {
    var files = new TreeMap<String, String>();
    try (var listed = Files.newDirectoryStream(directory, "*.yaml")) {
      for (var file : listed) {
        files.put(file.getFileName().toString(), Files.readString(file));
      }
    }
    return files;
  }
}
