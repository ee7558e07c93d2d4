package dev.drover.api.crd;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.Phase;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ApiReferencePageTest {
  private static final Pattern WORD = Pattern.compile("\\w+");

  @Test
  void everyFieldValueAndDefaultIsOnThePage() throws IOException {
    var words = new TreeSet<String>();
    CrdYaml.definitions()
        .forEach(
            crd ->
                collect(
                    crd.getSpec().getVersions().getFirst().getSchema().getOpenAPIV3Schema(),
                    words));
    Arrays.stream(Phase.values()).map(Phase::name).forEach(words::add);
    Arrays.stream(ConditionType.values()).map(ConditionType::name).forEach(words::add);

    assertThat(codeOnPage()).containsAll(words);
  }

  private static void collect(JSONSchemaProps schema, Set<String> words) {
    if (schema.getProperties() != null) {
      schema
          .getProperties()
          .forEach(
              (name, property) -> {
                words.add(name);
                collect(property, words);
              });
    }
    if (schema.getItems() != null) {
      collect(schema.getItems().getSchema(), words);
    }
    if (schema.getEnum() != null) {
      schema.getEnum().stream().map(JsonNode::asText).forEach(words::add);
    }
    if (schema.getDefault() != null) {
      words.add(schema.getDefault().asText());
    }
  }

  /** Every word that the page sets as code. */
  private static Set<String> codeOnPage() throws IOException {
    var page = Files.readString(Path.of("../docs/reference/livemigration.md"));
    var words = new HashSet<String>();
    Pattern.compile("`([^`\n]+)`")
        .matcher(page)
        .results()
        .flatMap(code -> WORD.matcher(code.group(1)).results())
        .forEach(word -> words.add(word.group()));
    return words;
  }
}
