package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.cluster.OperatorProcess;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Drover as its users have it: installed by Helm, its images' pods on the nodes of a cluster. */
@DroverTestbed(nodes = true)
@Order(DroverTestbed.LAST)
class InstalledIT {

  @Test
  void operatorsAndDaemonsArePodsOfTheImages(Testbed testbed) {
    var operators = pods(testbed, "drover-operator");
    var daemons = pods(testbed, "drover-node-daemon");

    // One of each on each node.
    assertThat(operators).extracting(Pod::node).containsExactlyInAnyOrder("n1", "n2");
    assertThat(daemons).extracting(Pod::node).containsExactlyInAnyOrder("n1", "n2");
    assertThat(operators)
        .allMatch(pod -> pod.image().startsWith("ghcr.io/drover/operator:"))
        .allMatch(pod -> pod.restarts() == 0);
    assertThat(daemons)
        .allMatch(pod -> pod.image().startsWith("ghcr.io/drover/node-daemon:"))
        .allMatch(pod -> pod.restarts() == 0);
  }

  @Test
  void aGuestMovesThereAndBack(Testbed testbed) {
    var spec = GuestSpec.named("installed").withDisk(DiskSpec.local(128)).dirtying(32, 4).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.assertMoved(boot);

      var back = scene.reversed();
      back.migrate("target: {nodeName: n1}\n").awaitSucceeded();
      back.assertMoved(boot);
    }
  }

  private record Pod(String node, String image, int restarts) {}

  private static List<Pod> pods(Testbed testbed, String name) {
    return testbed
        .controlPlane()
        .client()
        .pods()
        .inNamespace(OperatorProcess.NAMESPACE)
        .withLabel("app.kubernetes.io/name", name)
        .list()
        .getItems()
        .stream()
        .map(
            pod ->
                new Pod(
                    pod.getSpec().getNodeName(),
                    pod.getSpec().getContainers().getFirst().getImage(),
                    pod.getStatus().getContainerStatuses().getFirst().getRestartCount()))
        .toList();
  }
}
