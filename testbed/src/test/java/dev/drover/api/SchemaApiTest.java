package dev.drover.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.MAP;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.Recipes;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each file of {@code crds/src/test/resources/valid} is accepted, each of {@code invalid} refused
 * with the text that its first line names. The documents of a file are applied one after another;
 * only the last one of an invalid file is refused. One with a status goes to the status
 * subresource.
 */
@ApiTest
class SchemaApiTest {
  private static final String NAMESPACE = "schema";
  private static final String MESSAGE = "# message: ";
  private static final PatchContext APPLY =
      new PatchContext.Builder()
          .withPatchType(PatchType.SERVER_SIDE_APPLY)
          .withFieldManager("schema-test")
          .withForce(true)
          .build();

  private static KubernetesClient client;

  @BeforeAll
  static void makeNamespace(ControlPlane controlPlane) {
    client = controlPlane.client();
    client
        .resource(
            new NamespaceBuilder().withNewMetadata().withName(NAMESPACE).endMetadata().build())
        .serverSideApply();
  }

  @ParameterizedTest
  @MethodSource("valid")
  void accepts(Path file) throws IOException {
    var documents = documents(file);
    try {
      for (var document : documents) {
        var applied = apply(document);

        assertThat(section(applied, document)).containsAllEntriesOf(section(document, document));
      }
    } finally {
      delete(documents.getFirst());
    }
  }

  @ParameterizedTest
  @MethodSource("invalid")
  void refuses(Path file) throws IOException {
    var documents = documents(file);
    var firstLine = Files.readAllLines(file).getFirst();
    assertThat(firstLine).startsWith(MESSAGE);
    try {
      for (var document : documents.subList(0, documents.size() - 1)) {
        apply(document);
      }

      assertThatThrownBy(() -> apply(documents.getLast()))
          .isInstanceOfSatisfying(
              KubernetesClientException.class,
              refusal -> assertThat(refusal.getCode()).isIn(400, 422, 500))
          .hasMessageContaining(firstLine.substring(MESSAGE.length()));
    } finally {
      delete(documents.getFirst());
    }
  }

  @Test
  void fillsInDefaults() throws IOException {
    var least = documents(resources("valid").resolve("livemigration-least.yaml")).getFirst();
    try {
      assertThat(apply(least).getAdditionalProperties().get("spec"))
          .asInstanceOf(MAP)
          .containsEntry("mode", "Live")
          .containsEntry("storage", "Auto")
          .containsEntry("maxDowntimeMilliseconds", 500)
          .containsEntry("postCopy", "Never")
          .containsEntry("completionTimeoutSeconds", 3600)
          .containsEntry("onTimeout", "Abort")
          .containsEntry("switchover", "Automatic")
          .containsEntry("compression", "None")
          .containsEntry("pins", "Keep")
          .containsEntry("priority", 0)
          .containsEntry("commit", "Fenced")
          .hasSize(12);
    } finally {
      delete(least);
    }
  }

  @Test
  void theRawFilesCanBeApplied(ControlPlane controlPlane) {
    var crds = Recipes.sourceTree().resolve("crds").toString();

    assertThat(controlPlane.kubectl("apply", "--dry-run=server", "-f", crds).orThrow().out())
        .contains("livemigrations.drover.dev", "virtualmachines.drover.dev")
        .contains("hypervisornodes.drover.dev");
  }

  @Test
  void selectsByFieldsThatTheDaemonsWatch() throws IOException {
    var documents = documents(resources("valid").resolve("livemigration-status.yaml"));
    try {
      documents.forEach(SchemaApiTest::apply);
      var migrations =
          client
              .genericKubernetesResources("drover.dev/v1alpha1", "LiveMigration")
              .inNamespace(NAMESPACE);

      assertThat(migrations.withField("status.sourceNode", "n1").list().getItems()).hasSize(1);
      assertThat(migrations.withField("status.targetNode", "n2").list().getItems()).hasSize(1);
      assertThat(migrations.withField("status.targetNode", "n1").list().getItems()).isEmpty();
      assertThat(migrations.withField("spec.virtualMachineName", "web").list().getItems())
          .hasSize(1);
    } finally {
      delete(documents.getFirst());
    }
  }

  @Test
  void showsWhatPeopleLookFor(ControlPlane controlPlane) throws IOException {
    var documents = documents(resources("valid").resolve("livemigration-status.yaml"));
    try {
      documents.forEach(SchemaApiTest::apply);

      var table =
          controlPlane.kubectl("get", "lmig", "-n", NAMESPACE, "-o", "wide").orThrow().out();

      assertThat(Arrays.asList(table.split("\n")).getFirst().split(" {2,}"))
          .containsExactly(
              "NAME",
              "VM",
              "SOURCE",
              "TARGET",
              "PHASE",
              "PERCENT",
              "DOWNTIME(MS)",
              "AGE",
              "ITERATION",
              "RATE(MIB/S)",
              "DIRTY(MIB/S)",
              "ETA(S)",
              "TOTAL(MS)",
              "REASON",
              "MESSAGE");
      assertThat(table).containsSubsequence("web", "n1", "n2", "PreCopy", "100", "130");
      assertThat(controlPlane.kubectl("get", "drover", "-n", NAMESPACE).orThrow().out())
          .contains("livemigration.drover.dev/livemigration-status");
    } finally {
      delete(documents.getFirst());
    }
  }

  static Stream<Named<Path>> valid() throws IOException {
    return files("valid");
  }

  static Stream<Named<Path>> invalid() throws IOException {
    return files("invalid");
  }

  private static Stream<Named<Path>> files(String directory) throws IOException {
    try (var listed = Files.list(resources(directory))) {
      return listed
          .sorted()
          .map(file -> Named.of(file.getFileName().toString(), file))
          .toList()
          .stream();
    }
  }

  private static Path resources(String directory) {
    return Recipes.sourceTree().resolve("crds/src/test/resources").resolve(directory);
  }

  private static List<GenericKubernetesResource> documents(Path file) throws IOException {
    return Arrays.stream(Files.readString(file).split("(?m)^---$"))
        .map(text -> Serialization.unmarshal(text, GenericKubernetesResource.class))
        .peek(
            object -> {
              if (!object.getKind().equals("HypervisorNode")) {
                object.getMetadata().setNamespace(NAMESPACE);
              }
            })
        .toList();
  }

  private static GenericKubernetesResource apply(GenericKubernetesResource object) {
    var resource = client.resource(object);
    return object.getAdditionalProperties().containsKey("status")
        ? resource.subresource("status").patch(APPLY)
        : resource.patch(APPLY);
  }

  /** The part of {@code object} that {@code document} is about. */
  private static Map<String, Object> section(
      GenericKubernetesResource object, GenericKubernetesResource document) {
    var about = document.getAdditionalProperties().containsKey("status") ? "status" : "spec";
    Object part = object.getAdditionalProperties().getOrDefault(about, Map.of());
    return Serialization.jsonMapper().convertValue(part, new MapType());
  }

  private static void delete(GenericKubernetesResource object) {
    client.resource(object).delete();
  }

  private static final class MapType extends TypeReference<Map<String, Object>> {}
}
