package dev.drover.api.crd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.generator.annotation.Size;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Version;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SchemaRefinementTest {

  @Test
  void nothingGoesWithoutABound() {
    assertThatThrownBy(() -> CrdYaml.definition(Boundless.class))
        .hasMessageContainingAll("spec.text", "spec.list", "spec.list[]", "spec.map")
        .hasMessageNotContaining("spec.bounded");
  }

  @Test
  void aMethodIsNotAField() {
    assertThatThrownBy(() -> CrdYaml.definition(Talkative.class))
        .hasMessageContaining("spec has the properties")
        .hasMessageContaining("loud");
  }

  @Test
  void listsWithAKeyAreMergedAndOthersAreReplaced() {
    var properties =
        CrdYaml.definition(Shared.class)
            .getSpec()
            .getVersions()
            .getFirst()
            .getSchema()
            .getOpenAPIV3Schema()
            .getProperties()
            .get("spec")
            .getProperties();

    assertThat(properties.get("pools").getXKubernetesListType()).isEqualTo("map");
    assertThat(properties.get("pools").getXKubernetesListMapKeys()).containsExactly("name");
    assertThat(properties.get("words").getXKubernetesListType()).isEqualTo("atomic");
    assertThat(properties.get("small").getFormat()).isEqualTo("int32");
    assertThat(properties.get("large").getFormat()).isEqualTo("int64");
    assertThat(properties.get("startedAt").getFormat()).isEqualTo("date-time");
  }

  record Nothing() {}

  record BoundlessSpec(
      String text,
      List<String> list,
      Map<String, @Size(max = 1) String> map,
      @Size(max = 1) String bounded) {}

  @Group("test.drover.dev")
  @Version("v1")
  static class Boundless extends CustomResource<BoundlessSpec, Nothing> {
    private static final long serialVersionUID = 1;
  }

  record TalkativeSpec(@Size(max = 1) String text) {
    public boolean isLoud() {
      return text.endsWith("!");
    }
  }

  @Group("test.drover.dev")
  @Version("v1")
  static class Talkative extends CustomResource<TalkativeSpec, Nothing> {
    private static final long serialVersionUID = 1;
  }

  record Pool(@Size(max = 1) String name) {}

  record SharedSpec(
      @Size(max = 1) List<Pool> pools,
      @Size(max = 1) List<@Size(max = 1) String> words,
      int small,
      Long large,
      @Size(max = 35) String startedAt) {}

  @Group("test.drover.dev")
  @Version("v1")
  static class Shared extends CustomResource<SharedSpec, Nothing> {
    private static final long serialVersionUID = 1;
  }
}
