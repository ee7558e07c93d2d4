package dev.drover.testbed.cluster;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.UninstallCommand;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.Pod;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Drover as its users install it: the chart, by Helm, into a cluster whose nodes run its pods. The
 * images have been loaded into the nodes.
 */
public final class HelmRelease {

  /** The release, and the prefix of what the chart makes. */
  public static final String NAME = "drover";

  private static final Duration ROLLOUT_DEADLINE = Duration.ofMinutes(3);

  private final ControlPlane controlPlane;
  private final Path chart;

  /** Of the source tree's chart. */
  public HelmRelease(ControlPlane controlPlane) {
    this(controlPlane, ChartInstallation.chart());
  }

  /** Of another chart, as an earlier version's; there is one release, whatever its chart is. */
  public HelmRelease(ControlPlane controlPlane, Path chart) {
    this.controlPlane = controlPlane;
    this.chart = chart;
  }

  /**
   * {@code helm install}; {@link #awaitRollout} tells when its pods are ready.
   *
   * @param values set on top of the chart's own, by path, as with {@code --set}
   */
  public void install(Map<String, Object> values) {
    var command =
        new Helm(chart)
            .install()
            .withName(NAME)
            .withNamespace(OperatorProcess.NAMESPACE)
            .createNamespace()
            .withKubeConfig(controlPlane.adminKubeconfig());
    values.forEach(command::set);
    command.call();
  }

  /** {@code helm upgrade}, with these values and no others. */
  public void upgrade(Map<String, Object> values) {
    var command =
        new Helm(chart)
            .upgrade()
            .withName(NAME)
            .withNamespace(OperatorProcess.NAMESPACE)
            .resetValues()
            .withKubeConfig(controlPlane.adminKubeconfig());
    values.forEach(command::set);
    command.call();
  }

  /** {@code helm rollback}: what was before the last change is the present again. */
  public void rollBack() {
    Command.of(
            Recipes.helm().resolve("helm").toString(),
            "rollback",
            NAME,
            "--namespace",
            OperatorProcess.NAMESPACE,
            "--kubeconfig",
            controlPlane.adminKubeconfig().toString())
        .within(ROLLOUT_DEADLINE)
        .run()
        .orThrow();
  }

  /**
   * {@code helm test}.
   *
   * @throws RuntimeException if a test of the chart fails
   */
  public void test() {
    Helm.test(NAME)
        .withNamespace(OperatorProcess.NAMESPACE)
        .withKubeConfig(controlPlane.adminKubeconfig())
        .call();
  }

  /** {@code helm uninstall}; returns when its objects are gone, and its pods with them. */
  public void uninstall() {
    Helm.uninstall(NAME)
        .withNamespace(OperatorProcess.NAMESPACE)
        .withCascade(UninstallCommand.Cascade.FOREGROUND)
        .withKubeConfig(controlPlane.adminKubeconfig())
        .call();
    kubectl("wait", "--for=delete", "pods", "--all").orThrow();
  }

  /** Waits until every pod of the present revision is ready, and no other is left. */
  public void awaitRollout() {
    for (String workload :
        new String[] {"deployment/drover-operator", "daemonset/drover-node-daemon"}) {
      var result = kubectl("rollout", "status", workload);
      if (!result.succeeded()) {
        throw new IllegalStateException(
            result.err() + result.out() + kubectl("describe", "pods").out());
      }
    }
    // Whoever takes the place of another is ready before the other is gone.
    Waiting.until(
        "no pod of an earlier revision is left",
        ROLLOUT_DEADLINE,
        () -> pods().stream().noneMatch(pod -> pod.getMetadata().getDeletionTimestamp() != null));
  }

  /** All pods in the release's namespace. */
  public List<Pod> pods() {
    return controlPlane.client().pods().inNamespace(OperatorProcess.NAMESPACE).list().getItems();
  }

  private Command.Result kubectl(String verb, String... rest) {
    String[] arguments = new String[rest.length + 4];
    arguments[0] = verb;
    System.arraycopy(rest, 0, arguments, 1, rest.length);
    arguments[rest.length + 1] = "--namespace";
    arguments[rest.length + 2] = OperatorProcess.NAMESPACE;
    arguments[rest.length + 3] = "--timeout=" + ROLLOUT_DEADLINE.toSeconds() + "s";
    return controlPlane.kubectl(arguments);
  }
}
