package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the chart renders is what was looked at: for each file of values there is one with the
 * result, without the CRDs. {@code UPDATE_GOLDEN=1 ./test unit -Dtest=GoldenTest} writes them anew.
 */
class GoldenTest {
  private static final Path FILES =
      Recipes.sourceTree().resolve("testbed/src/test/resources/chart");

  @ParameterizedTest
  @ValueSource(strings = {"defaults", "least", "confined", "powerless", "everything"})
  void rendersAsBefore(String name) throws IOException {
    var rendered =
        withoutKeys(
            withoutCrds(ChartInstallation.manifest(FILES.resolve("values/" + name + ".yaml"))));
    var golden = FILES.resolve("golden/" + name + ".yaml");
    if (System.getenv("UPDATE_GOLDEN") != null) {
      Files.createDirectories(golden.getParent());
      Files.writeString(golden, rendered);
    }

    assertThat(rendered).isEqualTo(Files.readString(golden));
  }

  /** The CA is another one each time. */
  private static String withoutKeys(String manifest) {
    return manifest
        .replaceAll("(?m)^(  tls\\.(?:crt|key)): .*$", "$1: MADE")
        .replaceAll("(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", "MADE");
  }

  private static String withoutCrds(String manifest) {
    return Arrays.stream(manifest.split("(?m)^---\\s*$"))
        .map(String::strip)
        .filter(document -> !document.isEmpty())
        .filter(document -> !document.contains("\nkind: CustomResourceDefinition"))
        .collect(Collectors.joining("\n---\n", "", "\n"));
  }
}
