package dev.drover.testbed.cluster;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.TemplateCommand;
import dev.drover.testbed.host.NodeDaemon;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.core.ConditionTimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The objects that Drover's Helm chart renders, in a control plane: CRDs, service accounts, RBAC,
 * admission policies. Workloads are left out: the testbed runs operator and daemons as processes,
 * with the rights that the chart gives them.
 */
public final class ChartInstallation {

  private static final Logger LOG = LoggerFactory.getLogger(ChartInstallation.class);
  private static final Duration POLICY_DEADLINE = Duration.ofSeconds(20);
  private static final Set<String> KINDS_LEFT_OUT =
      Set.of(
          // Run as processes.
          "Deployment",
          "DaemonSet",
          "Pod",
          "Job",
          "PodDisruptionBudget",
          "NetworkPolicy",
          // Kinds of other projects, which aren't there.
          "ServiceMonitor",
          "PodMonitor",
          "PrometheusRule");

  /** A pod and its node, neither of which is there for longer than the policies are waited for. */
  private static final String PROBE = "testbed-probe";

  private ChartInstallation() {}

  public static boolean chartExists() {
    return Files.exists(chart().resolve("Chart.yaml"));
  }

  /**
   * Applies the chart's objects, and returns when the CRDs are established and the admission
   * policies refuse what they should.
   *
   * @param values set on top of the chart's own, by path, as with {@code --set}
   */
  public static void apply(ControlPlane controlPlane, Map<String, Object> values) {
    List<GenericKubernetesResource> all = render(values);
    controlPlane
        .kubectlWithInput(
            """
            apiVersion: v1
            kind: Namespace
            metadata:
              name: %s
            """
                .formatted(OperatorProcess.NAMESPACE),
            "apply",
            "--server-side",
            "-f",
            "-")
        .orThrow();
    // In two steps: objects of the new kinds can't be applied before the kinds are known.
    applyAll(controlPlane, all, Set.of("CustomResourceDefinition"), true);
    controlPlane
        .kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        .orThrow();
    applyAll(controlPlane, all, Set.of("CustomResourceDefinition"), false);
    if (all.stream().anyMatch(object -> object.getKind().equals("ValidatingAdmissionPolicy"))) {
      awaitPolicies(controlPlane);
    }
  }

  public static void apply(ControlPlane controlPlane) {
    apply(controlPlane, Map.of());
  }

  /** What the chart renders, workloads included. */
  public static List<GenericKubernetesResource> render(Map<String, Object> values) {
    var command = template();
    values.forEach(command::set);
    return objects(command.call());
  }

  /** What the chart renders with a file of values, as with {@code --values}: the text itself. */
  public static String manifest(Path valuesFile) {
    return template().withValuesFile(valuesFile).call();
  }

  private static TemplateCommand template() {
    return new Helm(chart()).template().withName("drover").withNamespace(OperatorProcess.NAMESPACE);
  }

  /** The objects of a text that the chart has rendered. */
  public static List<GenericKubernetesResource> objects(String rendered) {
    List<GenericKubernetesResource> objects = new ArrayList<>();
    for (String document : rendered.split("(?m)^---\\s*$")) {
      // A document may hold nothing but the comment that says which template it is from.
      var object = Serialization.unmarshal(document, GenericKubernetesResource.class);
      if (object != null && object.getKind() != null) {
        objects.add(object);
      }
    }
    return objects;
  }

  /** The directory of the chart. */
  public static Path chart() {
    return Recipes.sourceTree().resolve("helm/drover");
  }

  private static void applyAll(
      ControlPlane controlPlane,
      List<GenericKubernetesResource> all,
      Set<String> kinds,
      boolean including) {
    var documents = new StringBuilder();
    all.stream()
        .filter(object -> kinds.contains(object.getKind()) == including)
        .filter(object -> !KINDS_LEFT_OUT.contains(object.getKind()))
        .forEach(object -> documents.append("---\n").append(Serialization.asYaml(object)));
    if (!documents.isEmpty()) {
      controlPlane
          .kubectlWithInput(
              documents.toString(),
              "apply",
              "--server-side",
              "--force-conflicts",
              "-n",
              OperatorProcess.NAMESPACE,
              "-f",
              "-")
          .orThrow();
    }
  }

  /**
   * The API server takes a new policy up some time after it has stored it. So the daemon of one
   * node tries to create another's HypervisorNode, without effect, until that is refused.
   */
  private static void awaitPolicies(ControlPlane controlPlane) {
    var probe =
        controlPlane.podBoundKubeconfig(
            OperatorProcess.NAMESPACE, NodeDaemon.SERVICE_ACCOUNT, PROBE, PROBE);
    var foreign =
        new GenericKubernetesResourceBuilder()
            .withApiVersion("drover.dev/v1alpha1")
            .withKind("HypervisorNode")
            .withNewMetadata()
            .withName("testbed-of-somebody-else")
            .endMetadata()
            .build();
    var answer = new AtomicReference<>("it was accepted");
    try (KubernetesClient daemon = controlPlane.client(probe.kubeconfig())) {
      Waiting.until(
          "the admission policies are in force",
          POLICY_DEADLINE,
          () -> {
            try {
              daemon.resource(foreign).dryRun(true).create();
              answer.set("it was accepted");
              return false;
            } catch (KubernetesClientException e) {
              String message = String.valueOf(e.getMessage());
              answer.set(message);
              return message.contains("ValidatingAdmissionPolicy");
            }
          });
    } catch (ConditionTimeoutException e) {
      // Not this module's to judge: a test of the policies will fail, and say why.
      LOG.atWarn()
          .addKeyValue("answer", answer.get())
          .log("The chart's admission policies did not refuse another node's object");
    } finally {
      controlPlane
          .client()
          .pods()
          .inNamespace(OperatorProcess.NAMESPACE)
          .withName(PROBE)
          .withGracePeriod(0)
          .delete();
      controlPlane.client().nodes().withName(PROBE).withGracePeriod(0).delete();
    }
  }
}
