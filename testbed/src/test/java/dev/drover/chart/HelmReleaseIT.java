package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.Release;
import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodStatusBuilder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * The life of a release, as Helm does it on a real API server: installed, upgraded while a
 * migration is in PreCopy, set back, uninstalled, installed again. There is no kubelet: that the
 * pods run is not shown here, and the test plays it for {@code helm test}.
 */
@Tag("api")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HelmReleaseIT {
  private static final String NAMESPACE = "drover-system";
  private static final String MIGRATION =
      """
      apiVersion: drover.dev/v1alpha1
      kind: LiveMigration
      metadata: {name: move, namespace: default}
      """;
  private static final String NODE =
      "apiVersion: drover.dev/v1alpha1\nkind: HypervisorNode\nmetadata: {name: n1}\n";
  private static final String READY =
      """
      status:
        conditions:
          - type: Ready
            status: "%s"
            reason: HeartbeatSeen
            lastTransitionTime: "2026-11-23T13:00:00Z"
      """;

  private static ControlPlane controlPlane;
  private static Identity admin;

  @BeforeAll
  static void start() {
    controlPlane = ControlPlane.standalone();
    admin = new Identity(controlPlane.client(), "admin");
  }

  @AfterAll
  static void close() {
    controlPlane.close();
  }

  @Test
  @Order(1)
  void installs() {
    var release = install();

    assertThat(release.getStatus()).isEqualTo("deployed");
    assertThat(release.getOutput()).contains("helm test drover --namespace drover-system");
    controlPlane
        .kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        .orThrow();
    assertThat(names("deployments,daemonsets,poddisruptionbudgets"))
        .containsExactlyInAnyOrder(
            "deployment.apps/drover-operator",
            "daemonset.apps/drover-node-daemon",
            "poddisruptionbudget.policy/drover-operator");
  }

  @Test
  @Order(2)
  void testsThatEveryHostIsReady() {
    // Its pod is one that the strictest level lets in.
    podSecurity("restricted");
    assertThatThrownBy(HelmReleaseIT::test).hasMessageContaining("drover-test-hosts failed");

    admin.apply(NODE);
    admin.report(NODE + READY.formatted("False"));
    assertThatThrownBy(HelmReleaseIT::test).hasMessageContaining("drover-test-hosts failed");

    admin.report(NODE + READY.formatted("True"));
    assertThat(test()).contains("STATUS: deployed");
    podSecurity("privileged");
  }

  private static void podSecurity(String level) {
    controlPlane
        .kubectl(
            "label",
            "--overwrite",
            "namespace",
            NAMESPACE,
            "pod-security.kubernetes.io/enforce=" + level)
        .orThrow();
  }

  @Test
  @Order(3)
  void anUpgradeAndTheWayBackLeaveMigrationsAlone() {
    admin.create(MIGRATION + "spec: {virtualMachineName: web}");
    admin.report(
        MIGRATION
            + "status: {observedGeneration: 1, phase: PreCopy, sourceNode: n1, targetNode: n2}");
    var before = admin.get(MIGRATION);

    upgrade("nodeDaemon.privileged", false);
    assertThat(securityContext()).contains("SYS_PTRACE");
    upgrade("nodeDaemon.privileged", true);
    assertThat(securityContext()).doesNotContain("SYS_PTRACE").contains("\"privileged\":true");

    var after = admin.get(MIGRATION);
    assertThat(after.getMetadata().getUid()).isEqualTo(before.getMetadata().getUid());
    assertThat(after.getMetadata().getResourceVersion())
        .isEqualTo(before.getMetadata().getResourceVersion());
  }

  @Test
  @Order(4)
  void uninstallsAllButTheCrdsAndTheirObjects() {
    Helm.uninstall("drover").withNamespace(NAMESPACE).withKubeConfig(kubeconfig()).call();

    assertThat(names("deployments,daemonsets,poddisruptionbudgets,serviceaccounts"))
        .noneMatch(name -> name.contains("drover"));
    assertThat(
            names(
                "clusterroles,clusterrolebindings,validatingadmissionpolicies,"
                    + "validatingadmissionpolicybindings"))
        .noneMatch(name -> name.contains("/drover-"));
    assertThat(admin.get(MIGRATION).<Object>get("status", "phase")).isEqualTo("PreCopy");
  }

  @Test
  @Order(5)
  void installsAgainOnWhatWasKept() {
    assertThat(install().getStatus()).isEqualTo("deployed");

    assertThat(admin.get(MIGRATION).<Object>get("status", "phase")).isEqualTo("PreCopy");
  }

  private static Release install() {
    return new Helm(ChartInstallation.chart())
        .install()
        .withName("drover")
        .withNamespace(NAMESPACE)
        .createNamespace()
        .withKubeConfig(kubeconfig())
        .call();
  }

  private static void upgrade(String key, Object value) {
    var release =
        new Helm(ChartInstallation.chart())
            .upgrade()
            .withName("drover")
            .withNamespace(NAMESPACE)
            .set(key, value)
            .withKubeConfig(kubeconfig())
            .call();
    assertThat(release.getStatus()).isEqualTo("deployed");
  }

  /** {@code helm test}: what its pod runs is run here, with the pod's service account. */
  private static String test() {
    var pods = controlPlane.client().pods().inNamespace(NAMESPACE);
    var earlier = pods.withName("drover-test-hosts").get();
    // Not in the common pool, whose only thread on two cores the client needs.
    var test =
        CompletableFuture.supplyAsync(
            HelmReleaseIT::helmTest, body -> Thread.ofPlatform().daemon().start(body));
    Waiting.until(
        "helm has made its pod",
        () -> {
          var pod = pods.withName("drover-test-hosts").get();
          return test.isDone()
              || (pod != null
                  && (earlier == null
                      || !pod.getMetadata().getUid().equals(earlier.getMetadata().getUid())));
        });
    var pod = pods.withName("drover-test-hosts").get();
    if (pod != null) {
      var phase = run(pod).exitCode() == 0 ? "Succeeded" : "Failed";
      pods.resource(pod)
          .editStatus(
              p -> p.edit().withStatus(new PodStatusBuilder().withPhase(phase).build()).build());
    }
    return test.join();
  }

  private static String helmTest() {
    return Helm.test("drover")
        .withNamespace(NAMESPACE)
        .withTimeout(120)
        .withKubeConfig(kubeconfig())
        .call()
        .getOutput();
  }

  private static Command.Result run(Pod pod) {
    var as =
        controlPlane.serviceAccountKubeconfig(NAMESPACE, pod.getSpec().getServiceAccountName());
    List<String> arguments = new ArrayList<>(pod.getSpec().getContainers().getFirst().getArgs());
    assertThat(arguments.removeLast()).startsWith("--timeout=");
    arguments.add("--timeout=2s");
    return controlPlane.kubectlAs(as, "", arguments.toArray(String[]::new));
  }

  private static String securityContext() {
    return controlPlane
        .kubectl(
            "get",
            "daemonset/drover-node-daemon",
            "-n",
            NAMESPACE,
            "-o",
            "jsonpath={.spec.template.spec.containers[0].securityContext}")
        .orThrow()
        .out();
  }

  private static List<String> names(String kinds) {
    return controlPlane
        .kubectl("get", kinds, "-n", NAMESPACE, "-o", "name")
        .orThrow()
        .out()
        .lines()
        .toList();
  }

  private static Path kubeconfig() {
    return controlPlane.adminKubeconfig();
  }
}
