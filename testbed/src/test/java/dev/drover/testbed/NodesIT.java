package dev.drover.testbed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** The hosts as nodes of a cluster, without Drover. */
@DroverTestbed(hosts = 2, drover = false, nodes = true)
@Order(DroverTestbed.LAST)
class NodesIT {

  private static final Duration START_LIMIT = Duration.ofSeconds(40);
  private static final long MEMORY_LIMIT = 2560L << 20;
  private static final String PAUSE =
      """
      apiVersion: apps/v1
      kind: DaemonSet
      metadata: {name: pause}
      spec:
        selector: {matchLabels: {app: pause}}
        template:
          metadata: {labels: {app: pause}}
          spec:
            terminationGracePeriodSeconds: 1
            containers:
              - name: pause
                image: drover.dev/testbed/pause:kept
                imagePullPolicy: Never
                resources: {requests: {cpu: 10m, memory: 8Mi}}
      """;

  @Test
  void allAreReadySoonAndTakeLittleMemory(Testbed testbed) {
    long memory = testbed.memoryBytes();
    System.out.printf(
        "control plane and two nodes: Ready after %d ms, %d MiB%n",
        testbed.startTime().toMillis(), memory >> 20);

    assertThat(nodes(testbed, "{.items[*].metadata.name}")).isEqualTo("n1 n2");
    assertThat(nodes(testbed, "{.items[*].status.conditions[?(@.type=='Ready')].status}"))
        .isEqualTo("True True");
    assertThat(testbed.startTime()).isLessThan(START_LIMIT);
    // More than the API server alone: the count isn't of a part, or of nothing.
    assertThat(memory).isBetween(512L << 20, MEMORY_LIMIT);
  }

  @Test
  void podsRunOnBothAndComeBackAfterAPowerFailure(Testbed testbed) {
    testbed.controlPlane().kubectlWithInput(PAUSE, "apply", "-f", "-").orThrow();
    try {
      testbed.kubectl("rollout", "status", "daemonset/pause", "--timeout=60s").orThrow();
      assertThat(pods(testbed, "{.items[*].spec.nodeName}").split(" "))
          .containsExactlyInAnyOrder("n1", "n2");
      // Of the pods' own network, a part of it for each node.
      assertThat(pods(testbed, "{.items[*].status.podIP}").split(" "))
          .anyMatch(address -> address.startsWith("10.244.1."))
          .anyMatch(address -> address.startsWith("10.244.2."));

      HypervisorHost host = testbed.host("n1");
      host.powerOff();
      assertThat(host.processesAndPods()).isEmpty();
      host.powerOn();
      host.node().awaitReady();

      Waiting.until(
          "the pod on n1 runs again",
          () ->
              pods(testbed, "{.items[*].status.containerStatuses[0].restartCount}").contains("1"));
      testbed.kubectl("rollout", "status", "daemonset/pause", "--timeout=60s").orThrow();
    } finally {
      testbed.kubectl("delete", "daemonset", "pause", "--cascade=foreground").orThrow();
    }
  }

  @Test
  void podsGoOnWhileKubeletAndContainerdAreAway(Testbed testbed) {
    testbed.controlPlane().kubectlWithInput(PAUSE, "apply", "-f", "-").orThrow();
    try {
      testbed.kubectl("rollout", "status", "daemonset/pause", "--timeout=60s").orThrow();
      HypervisorHost host = testbed.host("n1");
      String before = pods(testbed, "{.items[*].status.containerStatuses[0].containerID}");

      host.node().kubelet().kill();
      host.node().containerd().kill();
      host.node().repair();

      assertThat(pods(testbed, "{.items[*].status.containerStatuses[0].containerID}"))
          .isEqualTo(before);
      assertThat(pods(testbed, "{.items[*].status.containerStatuses[0].restartCount}"))
          .isEqualTo("0 0");
    } finally {
      testbed.kubectl("delete", "daemonset", "pause", "--cascade=foreground").orThrow();
    }
  }

  /** Authorization and admission are as in production: a kubelet has its own node, and no more. */
  @Test
  void aKubeletMayWriteOfItsOwnNodeOnlyAndNotEverything(Testbed testbed) {
    assertThat(asKubeletOfN1(testbed, "annotate", "node", "n1", "drover.dev/tried=yes"))
        .matches(Command.Result::succeeded);

    assertThat(asKubeletOfN1(testbed, "annotate", "node", "n2", "drover.dev/tried=yes").err())
        .contains("Forbidden");
    // What only the admission plugin NodeRestriction refuses.
    assertThat(
            asKubeletOfN1(testbed, "label", "node", "n1", "node-restriction.kubernetes.io/a=b")
                .err())
        .contains("is not allowed to modify labels");
  }

  private static Command.Result asKubeletOfN1(Testbed testbed, String... arguments) {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.addAll(List.of("--overwrite", "--as=system:node:n1", "--as-group=system:nodes"));
    return testbed.kubectl(command.toArray(String[]::new));
  }

  private static String nodes(Testbed testbed, String path) {
    return testbed.kubectl("get", "nodes", "-o", "jsonpath=" + path).orThrow().out();
  }

  private static String pods(Testbed testbed, String path) {
    return testbed
        .kubectl("get", "pods", "-l", "app=pause", "-o", "jsonpath=" + path)
        .orThrow()
        .out();
  }
}
