package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.api.ApiTest;
import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Recipes;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A real API server takes everything that the chart renders, workloads and other projects' kinds
 * included, and knows each of its fields; and Pod Security lets the pods in where the docs say.
 */
@ApiTest
class RenderedApiTest {
  private static final Path FILES =
      Recipes.sourceTree().resolve("testbed/src/test/resources/chart");
  private static final String LABEL = "pod-security.kubernetes.io/enforce";

  @BeforeAll
  static void kindsOfThePrometheusOperator(ControlPlane controlPlane) {
    controlPlane
        .kubectl("apply", "--server-side", "-f", FILES.resolve("crds").toString())
        .orThrow();
    controlPlane
        .kubectl(
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd/podmonitors.monitoring.coreos.com",
            "crd/prometheusrules.monitoring.coreos.com")
        .orThrow();
  }

  @AfterAll
  static void removeThem(ControlPlane controlPlane) {
    controlPlane
        .kubectl("delete", "--wait=false", "-f", FILES.resolve("crds").toString())
        .orThrow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"defaults", "least", "confined", "powerless", "everything"})
  void everyFieldIsKnown(String values, ControlPlane controlPlane) {
    var result = dryRun(controlPlane, manifest(values));

    assertThat(result.exitCode()).as(result.err()).isZero();
    assertThat(result.err()).doesNotContain("Warning");
  }

  @Test
  void aFieldThatIsNotIsToldAboutEachKind(ControlPlane controlPlane) {
    var manifest = manifest("everything");
    for (var field : new String[] {"topologyKey:", "nodeSelector:", "interval:", "expr:"}) {
      var result = dryRun(controlPlane, manifest.replace(field, "x" + field));

      assertThat(result.exitCode()).as(field).isNotZero();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "operator, restricted, true",
    "privileged, baseline, false",
    "privileged, privileged, true",
    "confined, baseline, false",
    "confined, privileged, true"
  })
  void podSecurity(String pod, String level, boolean admitted, ControlPlane controlPlane) {
    var namespace = "pod-security-" + level;
    controlPlane.serviceAccountKubeconfig(namespace, "drover");
    controlPlane
        .kubectl("label", "--overwrite", "namespace", namespace, LABEL + "=" + level)
        .orThrow();
    var pods = controlPlane.client().pods().inNamespace(namespace);

    if (admitted) {
      assertThatCode(() -> pods.resource(pod(pod)).dryRun(true).create())
          .doesNotThrowAnyException();
    } else {
      assertThatThrownBy(() -> pods.resource(pod(pod)).dryRun(true).create())
          .hasMessageContaining("violates PodSecurity")
          .hasMessageContaining("hostPID=true");
    }
  }

  private static Pod pod(String name) {
    return switch (name) {
      case "operator" ->
          pod(object("defaults", Deployment.class).getSpec().getTemplate().getSpec());
      case "privileged" ->
          pod(object("defaults", DaemonSet.class).getSpec().getTemplate().getSpec());
      case "confined" -> pod(object("confined", DaemonSet.class).getSpec().getTemplate().getSpec());
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static Pod pod(PodSpec spec) {
    return new PodBuilder()
        .withNewMetadata()
        .withName("pod")
        .endMetadata()
        .withSpec(spec.edit().withServiceAccountName("drover").withServiceAccount("drover").build())
        .build();
  }

  private static <T> T object(String values, Class<T> type) {
    return ChartInstallation.objects(manifest(values)).stream()
        .map(object -> Serialization.<Object>unmarshal(Serialization.asYaml(object)))
        .filter(type::isInstance)
        .map(type::cast)
        .findFirst()
        .orElseThrow();
  }

  private static String manifest(String values) {
    return ChartInstallation.manifest(FILES.resolve("values/" + values + ".yaml"));
  }

  private static Command.Result dryRun(ControlPlane controlPlane, String manifest) {
    var documents =
        ChartInstallation.objects(manifest).stream()
            .map(Serialization::asYaml)
            .collect(Collectors.joining("---\n"));
    return controlPlane.kubectlWithInput(
        documents,
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-");
  }
}
