package dev.drover.testbed.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The control plane by itself: what the tests of CRDs, policies and rights rely on. */
@Tag("api")
class ControlPlaneIT {

  private static ControlPlane controlPlane;

  @BeforeAll
  static void start() {
    controlPlane = ControlPlane.standalone();
  }

  @AfterAll
  static void stop() {
    controlPlane.close();
  }

  @Test
  void aPodsTokenCarriesTheNameOfItsNode() {
    var identity = controlPlane.podBoundKubeconfig("who", "daemon", "daemon-n7", "n7");

    var result = controlPlane.kubectlAs(identity.kubeconfig(), "", "auth", "whoami", "-o", "json");

    assertThat(result.orThrow().out())
        .contains("system:serviceaccount:who:daemon")
        .contains("authentication.kubernetes.io/node-name")
        .contains("n7");
  }

  @Test
  void aServiceAccountHasNoRightsOfItsOwn() {
    var kubeconfig = controlPlane.serviceAccountKubeconfig("who", "nobody");

    var result = controlPlane.kubectlAs(kubeconfig, "", "get", "secrets", "-A");

    assertThat(result.succeeded()).isFalse();
    assertThat(result.err()).contains("Forbidden");
  }

  @Test
  void writesAreCountedByWhoMadeThem() {
    controlPlane.kubectl("create", "configmap", "counted").orThrow();
    controlPlane.kubectl("get", "configmap", "counted").orThrow();

    assertThat(controlPlane.auditLog().countsByUserAndObject())
        .containsEntry("admin configmaps default/counted", 1L);
  }

  @Test
  void theApiServerCanBeKilledAndComesBackWithItsData() {
    controlPlane.kubectl("create", "configmap", "survivor").orThrow();

    controlPlane.apiServer().kill();
    assertThat(controlPlane.kubectl("get", "configmap", "survivor").succeeded()).isFalse();
    controlPlane.apiServer().start();
    controlPlane.awaitReady();

    assertThat(controlPlane.kubectl("get", "configmap", "survivor").succeeded()).isTrue();
  }

  @Test
  void aNamespaceThatIsDeletedGoesWithWhatIsInIt() {
    controlPlane.kubectl("create", "namespace", "passing").orThrow();

    controlPlane.kubectl("delete", "namespace", "passing", "--timeout=60s").orThrow();

    assertThat(controlPlane.kubectl("get", "namespace", "passing").succeeded()).isFalse();
  }
}
