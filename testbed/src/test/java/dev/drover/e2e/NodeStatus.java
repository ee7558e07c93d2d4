package dev.drover.e2e;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HypervisorHost;

/** What the cluster says of a host. */
final class NodeStatus {

  private NodeStatus() {}

  static HypervisorNodeStatus of(Testbed testbed, HypervisorHost host) {
    return testbed
        .controlPlane()
        .client()
        .resources(HypervisorNode.class)
        .withName(host.name())
        .get()
        .getStatus();
  }
}
