package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.api.ApiTest;
import dev.drover.testbed.cluster.ControlPlane;
import org.awaitility.Awaitility;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kubernetes' own roles say whose VMs a person may move: those of the namespace. */
@ApiTest
class UserRolesApiTest {
  private static final String MIGRATION =
      """
      apiVersion: drover.dev/v1alpha1
      kind: LiveMigration
      metadata: {name: move, namespace: %s}
      spec: {virtualMachineName: web}
      """;

  @ParameterizedTest
  @CsvSource({"view, false", "edit, true", "admin, true"})
  void aggregate(String role, boolean moves, ControlPlane controlPlane) {
    var namespace = "team-" + role;
    var kubeconfig = controlPlane.serviceAccountKubeconfig(namespace, "person");
    new Identity(controlPlane.client(), "admin")
        .apply(
            """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: person, namespace: %s}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %s}
            subjects: [{kind: ServiceAccount, name: person, namespace: %s}]
            """
                .formatted(namespace, role, namespace));
    var own = MIGRATION.formatted(namespace);
    try (var client = controlPlane.client(kubeconfig)) {
      var person = new Identity(client, "person");

      // The controller manager fills the aggregated roles in some time.
      Awaitility.await().ignoreExceptions().untilAsserted(() -> person.get(own));
      if (moves) {
        Awaitility.await().ignoreExceptions().untilAsserted(() -> person.apply(own));
        assertThatCode(() -> person.delete(own)).doesNotThrowAnyException();
      } else {
        assertThatThrownBy(() -> person.apply(own)).hasMessageContaining("cannot patch");
        assertThatThrownBy(() -> person.delete(own)).hasMessageContaining("cannot delete");
      }
      assertThatThrownBy(() -> person.report(own + "status: {phase: Succeeded}"))
          .hasMessageContaining("cannot patch");
      assertThatThrownBy(() -> person.apply(MIGRATION.formatted("default")))
          .hasMessageContaining("cannot patch");
    }
  }
}
