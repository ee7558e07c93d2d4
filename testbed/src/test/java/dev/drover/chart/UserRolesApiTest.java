package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.api.ApiTest;
import dev.drover.testbed.cluster.ControlPlane;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kubernetes' own roles say whose VMs a person may move: those of the namespace. */
@ApiTest
class UserRolesApiTest {
  private static final String VERSION = "drover.dev/v1alpha1";
  private static final String MIGRATION =
      """
      apiVersion: drover.dev/v1alpha1
      kind: LiveMigration
      metadata: {name: move, namespace: %s}
      spec: {virtualMachineName: web}
      """;
  private static final String MACHINE =
      """
      apiVersion: drover.dev/v1alpha1
      kind: VirtualMachine
      metadata: {name: web, namespace: %s}
      spec: {domainUuid: 0c8a1e7e-0000-4000-8000-00000000000a, domainName: web}
      """;
  private static final String NODE =
      "apiVersion: drover.dev/v1alpha1\nkind: HypervisorNode\nmetadata: {name: users-n1}\n";

  @ParameterizedTest
  @CsvSource({"view, false", "edit, true", "admin, true"})
  void aggregate(String role, boolean moves, ControlPlane controlPlane) {
    var namespace = "team-" + role;
    var kubeconfig = controlPlane.serviceAccountKubeconfig(namespace, "person");
    bind(controlPlane, role, namespace);
    var own = MIGRATION.formatted(namespace);
    try (var client = controlPlane.client(kubeconfig)) {
      var person = new Identity(client, "person");

      // The controller manager fills the aggregated roles in some time.
      Awaitility.await().ignoreExceptions().untilAsserted(() -> person.get(own));
      if (moves) {
        Awaitility.await().ignoreExceptions().untilAsserted(() -> person.apply(own));
        assertThatCode(() -> person.delete(own)).doesNotThrowAnyException();
      } else {
        refused("cannot patch", () -> person.apply(own));
        refused("cannot delete", () -> person.delete(own));
      }
      refused("cannot patch", () -> person.report(own + "status: {phase: Succeeded}"));
      refused("cannot patch", () -> person.apply(MIGRATION.formatted("default")));
    }
  }

  @Test
  void whoMovesTheVmsOfOneNamespaceSeesNothingOfAnother(ControlPlane controlPlane) {
    var kubeconfig = controlPlane.serviceAccountKubeconfig("tenant-a", "person");
    bind(controlPlane, "edit", "tenant-a");
    var admin = new Identity(controlPlane.client(), "admin");
    admin.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: tenant-b}\n");
    for (var namespace : List.of("tenant-a", "tenant-b")) {
      admin.apply(MACHINE.formatted(namespace));
      admin.apply(MIGRATION.formatted(namespace));
    }
    try (var client = controlPlane.client(kubeconfig)) {
      var person = new Identity(client, "person");
      Awaitility.await()
          .ignoreExceptions()
          .untilAsserted(() -> assertThat(list(client, "LiveMigration", "tenant-a")).isEqualTo(1));
      assertThat(list(client, "VirtualMachine", "tenant-a")).isEqualTo(1);

      for (var kind : List.of("LiveMigration", "VirtualMachine")) {
        refused("cannot list", () -> list(client, kind, "tenant-b"));
        refused(
            "cannot list",
            () -> client.genericKubernetesResources(VERSION, kind).inAnyNamespace().list());
      }
      refused("cannot get", () -> person.get(MIGRATION.formatted("tenant-b")));
      refused("cannot get", () -> person.get(MACHINE.formatted("tenant-b")));
      refused("cannot delete", () -> person.delete(MIGRATION.formatted("tenant-b")));
      refused("cannot patch", () -> person.apply(MIGRATION.formatted("tenant-b")));
      refused(
          "cannot create",
          () -> person.create(MIGRATION.formatted("tenant-b").replace("move", "other")));
    } finally {
      for (var namespace : List.of("tenant-a", "tenant-b")) {
        admin.delete(MIGRATION.formatted(namespace));
        admin.delete(MACHINE.formatted(namespace));
      }
    }
  }

  /** Where a VM is, and what becomes of a migration, only Drover says. */
  @ParameterizedTest
  @CsvSource({"edit", "admin"})
  void nobodyWritesWhatDroverReports(String role, ControlPlane controlPlane) {
    var namespace = "teller-" + role;
    var kubeconfig = controlPlane.serviceAccountKubeconfig(namespace, "person");
    bind(controlPlane, role, namespace);
    var admin = new Identity(controlPlane.client(), "admin");
    var machine = MACHINE.formatted(namespace);
    var own = MIGRATION.formatted(namespace);
    admin.apply(machine);
    try (var client = controlPlane.client(kubeconfig)) {
      var person = new Identity(client, "person");
      Awaitility.await().ignoreExceptions().untilAsserted(() -> person.apply(own));

      for (var field : List.of("phase: Succeeded", "sourceNode: n1", "targetNode: n2")) {
        refused("cannot patch", () -> person.report(own + "status: {%s}".formatted(field)));
        refused(
            "cannot patch", () -> person.mergeIntoStatus(own + "status: {%s}".formatted(field)));
      }
      refused("cannot patch", () -> person.report(machine + "status: {nodeName: n1}"));
      refused("cannot patch", () -> person.apply(machine));
      refused("cannot delete", () -> person.delete(machine));
      refused("cannot create", () -> person.create(machine.replace("name: web", "name: other")));
      refused("cannot patch", () -> person.apply(NODE + "spec: {unschedulable: true}"));
      // A status that comes along with the spec is dropped.
      person.apply(own + "status: {phase: Succeeded}");
      assertThat(admin.get(own).getAdditionalProperties()).doesNotContainKey("status");
    } finally {
      admin.delete(own);
      admin.delete(machine);
    }
  }

  @Test
  void hostsAreEntrustedByARoleOfTheirOwn(ControlPlane controlPlane) {
    var kubeconfig = controlPlane.serviceAccountKubeconfig("host-admins", "person");
    var admin = new Identity(controlPlane.client(), "admin");
    admin.apply(NODE);
    try (var client = controlPlane.client(kubeconfig)) {
      var person = new Identity(client, "person");
      refused("cannot patch", () -> person.apply(NODE + "spec: {unschedulable: true}"));
      admin.apply(
          """
          apiVersion: rbac.authorization.k8s.io/v1
          kind: ClusterRoleBinding
          metadata: {name: host-admins}
          roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: drover-host-admin}
          subjects: [{kind: ServiceAccount, name: person, namespace: host-admins}]
          """);
      Awaitility.await()
          .ignoreExceptions()
          .untilAsserted(() -> person.apply(NODE + "spec: {unschedulable: true}"));
      refused("cannot patch", () -> person.report(NODE + "status: {migrationAddress: 10.0.0.1}"));
      refused("cannot patch", () -> person.apply(MIGRATION.formatted("default")));
      assertThatCode(() -> person.delete(NODE)).doesNotThrowAnyException();
    }
  }

  private static int list(KubernetesClient client, String kind, String namespace) {
    return client
        .genericKubernetesResources(VERSION, kind)
        .inNamespace(namespace)
        .list()
        .getItems()
        .size();
  }

  private static void bind(ControlPlane controlPlane, String role, String namespace) {
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
  }

  private static void refused(String message, ThrowingCallable request) {
    assertThatThrownBy(request).hasMessageContaining(message);
  }
}
