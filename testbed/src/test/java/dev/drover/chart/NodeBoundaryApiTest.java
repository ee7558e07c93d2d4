package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.api.ApiTest;
import dev.drover.testbed.cluster.ControlPlane;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * With the tokens, roles and policies of a real installation: each daemon writes what is its own
 * node's, and nothing else.
 */
@ApiTest
class NodeBoundaryApiTest {
  private static final String SYSTEM = "drover-system";
  private static final String MIGRATION =
      """
      apiVersion: drover.dev/v1alpha1
      kind: LiveMigration
      metadata:
        name: move
        namespace: boundary
      """;
  private static final String MACHINE = MIGRATION.replace("LiveMigration", "VirtualMachine");
  private static final String MACHINE_SPEC =
      """
      spec:
        domainUuid: 0c8a1e7e-0000-4000-8000-000000000001
        domainName: web
      """;
  private static final String SOURCE_REPORT =
      """
      status:
        source:
          nodeName: %s
          state: Transferring
          reason: Transferring
          since: "2026-11-23T13:00:00Z"
      """;
  private static final String TARGET_REPORT =
      """
      status:
        target:
          nodeName: %s
          state: Reserved
          reason: TargetReserved
          since: "2026-11-23T13:00:00Z"
      """;
  private static final String CONDITION =
      """
      status:
        conditions:
          - type: %s
            status: "True"
            reason: Transferring
            lastTransitionTime: "2026-11-23T13:00:00Z"
      """;
  private static final String SIGHTING =
      """
      status:
        sightings:
          - nodeName: %s
            state: %s
            since: "2026-11-23T13:00:00Z"
      """;

  private static final String REQUEST =
      "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISE1HOENBUUF3RFRFTE1Ba0dBMVVFQXd3Q2Jq"
          + "SXdXVEFUQmdjcWhrak9QUUlCQmdncWhrak9QUU1CQndOQwpBQVRjT1RMdkk2UTFySjlBVTJ1MnkxUC80QVJMNHhG"
          + "L2wzdlFwQk9jcGNsNmZDQVdXKy8xY3hCVWg5b2lzMVBwCjdPcThKa1ZZV3BnU290SXFxREd1eThFQm9BQXdDZ1lJ"
          + "S29aSXpqMEVBd0lEU0FBd1JRSWdTTG52WjJPVWc5WVAKTWlFNUlEQmJjNUN3MXplUlNpL1RjZHE5dVFvazdpMENJ"
          + "UURWSDFKMkRRTGxzQjRrWUVSVVpadG1XVlMwNnJYdApGVjFIYVlwS1hoMk96QT09Ci0tLS0tRU5EIENFUlRJRklD"
          + "QVRFIFJFUVVFU1QtLS0tLQo=";

  private static final List<KubernetesClient> CLIENTS = new ArrayList<>();
  private static Identity admin;
  private static Identity operator;
  private static Identity n1;
  private static Identity n2;
  private static Identity n3;
  private static Identity nowhere;

  @BeforeAll
  static void identities(ControlPlane controlPlane) {
    admin = new Identity(controlPlane.client(), "admin");
    admin.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: boundary}");
    operator =
        identity(
            controlPlane,
            controlPlane.serviceAccountKubeconfig(SYSTEM, "drover-operator"),
            "drover-operator");
    nowhere =
        identity(
            controlPlane,
            controlPlane.serviceAccountKubeconfig(SYSTEM, "drover-node-daemon"),
            "drover-source");
    n1 = daemon(controlPlane, "n1");
    n2 = daemon(controlPlane, "n2");
    n3 = daemon(controlPlane, "n3");
    // The API server takes policies up some time after it has stored them.
    for (var foreign : List.of(node("n2"), lease("drover-node-n2"), MACHINE + MACHINE_SPEC)) {
      Awaitility.await().until(() -> nowhere.isRefused(foreign, "ValidatingAdmissionPolicy"));
    }
  }

  @AfterAll
  static void closeClients() {
    CLIENTS.forEach(KubernetesClient::close);
  }

  @BeforeEach
  void aMigrationFromN1ToN2() {
    admin.create(MIGRATION + "spec: {virtualMachineName: web}");
    operator.report(
        MIGRATION
            + """
            status:
              observedGeneration: 1
              phase: PreCopy
              sourceNode: n1
              targetNode: n2
              domainUuid: 0c8a1e7e-0000-4000-8000-000000000001
              conditions:
                - type: Ready
                  status: "False"
                  reason: Transferring
                  lastTransitionTime: "2026-11-23T13:00:00Z"
            """);
    admin.create(MACHINE + MACHINE_SPEC);
    n1.report(MACHINE + SIGHTING.formatted("n1", "Running"));
    operator.report(MACHINE + "status: {nodeName: n1}");
    admin.apply(node("n1") + "spec: {maxIncoming: 3}");
    admin.apply(node("n2"));
  }

  @AfterEach
  void remove() {
    for (var object :
        List.of(
            MIGRATION,
            MACHINE,
            node("n1"),
            node("n2"),
            node("n3"),
            lease("drover-node-n1"),
            lease("drover-node-n2"))) {
      admin.delete(object);
    }
  }

  @Test
  void theSourceReports() {
    accepted(() -> n1.report(MIGRATION + SOURCE_REPORT.formatted("n1")));
    accepted(() -> n1.report(MIGRATION + "status: {progress: {percent: 5, iteration: 1}}"));
    for (var condition : List.of("SourceReady", "Transferring", "Switched")) {
      accepted(() -> n1.report(MIGRATION + CONDITION.formatted(condition)));
    }
  }

  @Test
  void theTargetReports() {
    accepted(() -> n2.report(MIGRATION + TARGET_REPORT.formatted("n2")));
    accepted(() -> n2.report(MIGRATION + CONDITION.formatted("TargetReady")));
  }

  @Test
  void bothReportsAndTheOperatorsFieldsStandSideBySide() {
    n1.report(MIGRATION + SOURCE_REPORT.formatted("n1"));
    n2.report(MIGRATION + TARGET_REPORT.formatted("n2"));

    assertThat(admin.get(MIGRATION).<Object>get("status", "phase")).isEqualTo("PreCopy");
    assertThat(admin.get(MIGRATION).<Object>get("status", "source", "nodeName")).isEqualTo("n1");
    assertThat(admin.get(MIGRATION).<Object>get("status", "target", "nodeName")).isEqualTo("n2");
  }

  @Test
  void onlyTheSourceReportsAsTheSource() {
    for (var other : List.of(n2, n3)) {
      refused(
          "status.source is the report",
          () -> other.report(MIGRATION + SOURCE_REPORT.formatted("n1")));
      refused(
          "status.progress is the report",
          () -> other.report(MIGRATION + "status: {progress: {percent: 5}}"));
      refused(
          "status.decisions is the report",
          () ->
              other.report(
                  MIGRATION
                      + "status: {decisions: [{time: '2026-11-23T13:00:00Z', decision: GiveUp, because: x}]}"));
      refused(
          "status.forecast is the report",
          () ->
              other.report(MIGRATION + "status: {forecast: {converges: true, confidence: High}}"));
      refused(
          "status.tuning is the report",
          () -> other.report(MIGRATION + "status: {tuning: {observedGeneration: 5}}"));
      refused(
          "a daemon changes only the conditions",
          () -> other.report(MIGRATION + CONDITION.formatted("Switched")));
    }
  }

  @Test
  void onlyTheTargetReportsAsTheTarget() {
    for (var other : List.of(n1, n3)) {
      refused(
          "status.target is the report",
          () -> other.report(MIGRATION + TARGET_REPORT.formatted("n2")));
      refused(
          "a daemon changes only the conditions",
          () -> other.report(MIGRATION + CONDITION.formatted("TargetReady")));
    }
  }

  @Test
  void nobodyReportsUnderAnothersName() {
    refused("under its own name", () -> n1.report(MIGRATION + SOURCE_REPORT.formatted("n2")));
    refused("under its own name", () -> n2.report(MIGRATION + TARGET_REPORT.formatted("n1")));
  }

  @Test
  void nobodyRemovesAnothersReport() {
    n1.report(MIGRATION + SOURCE_REPORT.formatted("n1"));
    n2.report(MIGRATION + TARGET_REPORT.formatted("n2"));

    refused("status.source is", () -> n2.mergeIntoStatus(MIGRATION + "status: {source: null}"));
    refused("status.target is", () -> n1.mergeIntoStatus(MIGRATION + "status: {target: null}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "observedGeneration: 2",
        "phase: Succeeded",
        "sourceNode: n3",
        "targetNode: n1",
        "domainUuid: 0c8a1e7e-0000-4000-8000-000000000002",
        "queue: {position: 1}",
        "phases: [{phase: PreCopy, startedAt: \"2026-11-23T13:00:00Z\"}]",
        "candidates: [{nodeName: n3, fits: false, reason: NoFreeSlot}]",
        "failure: {reason: TransferFailed, message: none}",
        "result: {iterations: 1}",
        "phase: null",
        "targetNode: null",
      })
  void theStoryIsTheOperators(String field) {
    for (var daemon : List.of(n1, n2, n3)) {
      refused(
          "a daemon changes only status.source",
          () -> daemon.mergeIntoStatus(MIGRATION + "status: {%s}".formatted(field)));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Ready", "Reconciling", "Stalled", "Succeeded"})
  void theOperatorsConditionsAreItsOwn(String condition) {
    for (var daemon : List.of(n1, n2)) {
      refused(
          "a daemon changes only the conditions",
          () -> daemon.report(MIGRATION + CONDITION.formatted(condition)));
    }
    refused(
        "a daemon changes only the conditions",
        () -> n1.mergeIntoStatus(MIGRATION + "status: {conditions: []}"));
  }

  @Test
  void aBorrowedFieldManagerRemovesNothing() {
    refused(
        "a daemon changes only status.source",
        () -> n1.as("drover-operator").report(MIGRATION + SOURCE_REPORT.formatted("n1")));
  }

  @Test
  void daemonsDoNotTouchWhatUsersAskFor() {
    refused("cannot patch", () -> n1.apply(MIGRATION + "spec: {abort: true}"));
    refused("cannot create", () -> n1.create(MIGRATION.replace("move", "other")));
    refused("cannot delete", () -> n1.delete(MIGRATION));
    n1.mergeIntoStatus(
        MIGRATION + "spec: {abort: true}\nstatus: {progress: {percent: 7, iteration: 1}}");
    n1.mergeIntoStatus(
        """
        apiVersion: drover.dev/v1alpha1
        kind: LiveMigration
        metadata: {name: move, namespace: boundary, finalizers: [drover.dev/mine], labels: {a: b}}
        """);

    var migration = admin.get(MIGRATION);
    assertThat(migration.<Object>get("spec", "abort")).isNull();
    assertThat(migration.getMetadata().getFinalizers()).isEmpty();
    assertThat(migration.getMetadata().getLabels()).isNullOrEmpty();
  }

  @Test
  void aTokenThatIsBoundToNoNodeWritesNothing() {
    var message = "must be bound to a pod on a node";
    refused(message, () -> nowhere.report(MIGRATION + SOURCE_REPORT.formatted("n1")));
    refused(message, () -> nowhere.report(MACHINE + SIGHTING.formatted("n1", "Running")));
    refused(message, () -> nowhere.apply(node("n1")));
    refused(message, () -> nowhere.apply(lease("drover-node-n1")));
  }

  /** Whoever has stolen one has it no longer than the pod is there. */
  @Test
  void aTokenEndsWithItsPod(ControlPlane controlPlane) {
    var stolen = daemon(controlPlane, "n4");
    accepted(() -> stolen.apply(node("n4")));
    try {
      controlPlane
          .client()
          .pods()
          .inNamespace(SYSTEM)
          .withName("drover-node-daemon-n4")
          .withGracePeriod(0)
          .delete();

      // The API server looks at the pod again after some seconds.
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> refused("Unauthorized", () -> stolen.apply(node("n4"))));
    } finally {
      admin.delete(node("n4"));
    }
  }

  @Test
  void aDaemonsTokenOpensNothingElse() {
    refused("cannot get", () -> n1.get(secret()));
    refused("cannot create", () -> n1.create(secret()));
    refused(
        "cannot create",
        () ->
            n1.create(
                """
                apiVersion: v1
                kind: Pod
                metadata: {name: mine, namespace: boundary}
                spec: {containers: [{name: mine, image: mine}]}
                """));
  }

  private static String secret() {
    return "apiVersion: v1\nkind: Secret\nmetadata: {name: mine, namespace: boundary}\n";
  }

  @Test
  void aDaemonKeepsItsOwnNode() {
    accepted(() -> n3.apply(node("n3")));
    accepted(() -> n3.report(node("n3") + "status: {migrationAddress: 10.0.0.3}"));
    accepted(() -> n3.report(node("n3") + CONDITION.formatted("LibvirtConnected")));
    accepted(() -> n1.report(node("n1") + "status: {migrationAddress: 10.0.0.1}"));
  }

  @Test
  void aDaemonLeavesOtherNodesAlone() {
    var message = "a daemon writes only the HypervisorNode of its own node";
    refused(message, () -> n1.apply(node("n3")));
    refused(message, () -> n1.report(node("n2") + "status: {migrationAddress: 10.0.0.1}"));
    refused("cannot delete", () -> n1.delete(node("n1")));
  }

  @Test
  void aNodesSpecAndLabelsAreTheAdmins() {
    refused("the spec of a HypervisorNode", () -> n1.apply(node("n1") + "spec: {maxIncoming: 9}"));
    refused("the spec of a HypervisorNode", () -> n3.apply(node("n3") + "spec: {maxIncoming: 9}"));
    refused(
        "the labels and other metadata",
        () ->
            n1.apply(
                """
                apiVersion: drover.dev/v1alpha1
                kind: HypervisorNode
                metadata: {name: n1, labels: {rack: a}}
                """));
  }

  @Test
  void whetherANodeIsReadyIsTheOperators() {
    refused(
        "the condition Ready of a HypervisorNode is the operator's",
        () -> n1.report(node("n1") + CONDITION.formatted("Ready")));
    accepted(() -> operator.report(node("n1") + CONDITION.formatted("Ready")));
    accepted(() -> n1.report(node("n1") + CONDITION.formatted("LibvirtConnected")));
    refused(
        "the condition Ready of a HypervisorNode is the operator's",
        () -> n1.mergeIntoStatus(node("n1") + "status: {conditions: []}"));
  }

  @Test
  void aDaemonSaysWhatItSees() {
    accepted(() -> n2.report(MACHINE + SIGHTING.formatted("n2", "Incoming")));
    accepted(() -> n1.report(MACHINE + SIGHTING.formatted("n1", "ShutOff")));
    accepted(() -> n1.report(MACHINE + "status: {sightings: []}"));
    accepted(
        () ->
            n2.apply(
                MACHINE.replace("move", "other")
                    + MACHINE_SPEC.replace("000000000001", "000000000002")));
    admin.delete(MACHINE.replace("move", "other"));
  }

  @Test
  void aDaemonDoesNotSayWhatOthersSee() {
    var message = "a daemon changes only its own node's entry of status.sightings";
    refused(message, () -> n2.report(MACHINE + SIGHTING.formatted("n1", "ShutOff")));
    refused(message, () -> n2.report(MACHINE + SIGHTING.formatted("n3", "Running")));
    refused(message, () -> n2.mergeIntoStatus(MACHINE + "status: {sightings: []}"));
  }

  @Test
  void whereAVirtualMachineIsTheOperatorDecides() {
    var message = "a daemon changes only status.sightings";
    refused(message, () -> n2.report(MACHINE + "status: {nodeName: n2}"));
    refused(message, () -> n1.mergeIntoStatus(MACHINE + "status: {nodeName: null}"));
    refused(message, () -> n1.report(MACHINE + CONDITION.formatted("Running")));
    refused("cannot delete", () -> n1.delete(MACHINE));
    refused(
        "a daemon does not change the metadata",
        () ->
            n1.apply(
                """
                apiVersion: drover.dev/v1alpha1
                kind: VirtualMachine
                metadata: {name: move, namespace: boundary, labels: {a: b}}
                """));
  }

  @Test
  void aDaemonKeepsItsOwnHeartbeat() {
    accepted(() -> n1.apply(lease("drover-node-n1")));
    accepted(() -> n1.apply(lease("drover-node-n1") + "spec: {holderIdentity: me}"));
  }

  @Test
  void aDaemonDoesNotFakeAnothersHeartbeatNorTheLeader() {
    var message = "a daemon writes only the Lease drover-node-<its node>";
    refused(message, () -> n1.apply(lease("drover-node-n2")));
    refused(message, () -> n1.apply(lease("drover-operator")));
    refused("cannot delete", () -> n1.delete(lease("drover-node-n1")));
    refused(
        "cannot",
        () ->
            n1.apply(
                lease("drover-node-n1").replace("namespace: " + SYSTEM, "namespace: boundary")));
  }

  @Test
  void aDaemonAsksForItsOwnCertificateAndOfOneSignerOnly() {
    var own = request("drover-host-n1-a", "drover.dev/host");
    refused(
        "a daemon asks only drover.dev/host",
        () -> n1.create(request("drover-host-n2-a", "drover.dev/host")));
    refused(
        "a daemon asks only drover.dev/host",
        () -> n1.create(request("drover-host-n1-a", "kubernetes.io/kube-apiserver-client")));
    refused(
        "bound to a pod on a node",
        () -> nowhere.create(request("drover-host-n1-a", "drover.dev/host")));
    accepted(() -> n1.create(own));
    try {
      refused("cannot delete", () -> n1.delete(own));
      assertThat(admin.get(own).<Object>get("spec", "username"))
          .isEqualTo("system:serviceaccount:drover-system:drover-node-daemon");
      assertThat(
              admin.get(own).<Object>get("spec", "extra", "authentication.kubernetes.io/node-name"))
          .isEqualTo(List.of("n1"));
    } finally {
      admin.delete(own);
    }
  }

  /** What is in it does not matter here: openssl req -newkey ... -subj /CN=n2. */
  private static String request(String name, String signer) {
    return """
        apiVersion: certificates.k8s.io/v1
        kind: CertificateSigningRequest
        metadata: {name: %s}
        spec:
          signerName: %s
          usages: [digital signature, key encipherment, server auth, client auth]
          request: %s
        """
        .formatted(name, signer, REQUEST);
  }

  @Test
  void bothTellEvents() {
    for (var teller : List.of(n1, operator)) {
      accepted(
          () ->
              teller.create(
                  """
                  apiVersion: events.k8s.io/v1
                  kind: Event
                  metadata: {generateName: move-, namespace: boundary}
                  eventTime: "2026-11-23T13:00:00.000000Z"
                  reportingController: drover.dev/test
                  reportingInstance: test
                  action: Transfer
                  reason: Transferring
                  type: Normal
                  regarding: {apiVersion: drover.dev/v1alpha1, kind: LiveMigration, name: move, namespace: boundary}
                  """));
    }
  }

  @Test
  void theOperatorDoesItsWorkAndNoMore() {
    var finalizer =
        """
        apiVersion: drover.dev/v1alpha1
        kind: LiveMigration
        metadata: {name: move, namespace: boundary, finalizers: [drover.dev/abort-first]}
        """;
    accepted(() -> operator.apply(finalizer));
    accepted(() -> operator.apply(MIGRATION));
    accepted(() -> operator.report(MACHINE + CONDITION.formatted("Running")));
    accepted(() -> operator.apply(lease("drover-node-n2")));
    accepted(() -> operator.delete(MIGRATION));
    accepted(() -> operator.delete(MACHINE));
    refused("cannot create", () -> operator.create(MIGRATION + "spec: {virtualMachineName: web}"));
    refused("cannot create", () -> operator.create(MACHINE + MACHINE_SPEC));
    refused("cannot patch", () -> operator.apply(node("n1") + "spec: {unschedulable: true}"));
  }

  private static void accepted(ThrowingCallable write) {
    assertThatCode(write).doesNotThrowAnyException();
  }

  private static void refused(String message, ThrowingCallable write) {
    assertThatThrownBy(write).hasMessageContaining(message);
  }

  private static String node(String name) {
    return "apiVersion: drover.dev/v1alpha1\nkind: HypervisorNode\nmetadata: {name: %s}\n"
        .formatted(name);
  }

  private static String lease(String name) {
    return "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: %s, namespace: %s}\n"
        .formatted(name, SYSTEM);
  }

  private static Identity daemon(ControlPlane controlPlane, String node) {
    var pod =
        controlPlane.podBoundKubeconfig(
            SYSTEM, "drover-node-daemon", "drover-node-daemon-" + node, node);
    return identity(controlPlane, pod.kubeconfig(), "drover-test-" + node);
  }

  private static Identity identity(
      ControlPlane controlPlane, Path kubeconfig, String fieldManager) {
    var client = controlPlane.client(kubeconfig);
    CLIENTS.add(client);
    return new Identity(client, fieldManager);
  }
}
