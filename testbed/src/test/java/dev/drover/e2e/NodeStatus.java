package dev.drover.e2e;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.Waiting;
import java.util.Optional;

/** What the cluster says of a host. */
final class NodeStatus {

  private NodeStatus() {}

  /** Waits until its daemon has told of it: a daemon that is ready may not have done so yet. */
  static HypervisorNodeStatus of(Testbed testbed, HypervisorHost host) {
    var node = testbed.controlPlane().client().resources(HypervisorNode.class);
    return Waiting.untilPresent(
        "the daemon of " + host.name() + " has told of its host",
        Waiting.GENEROUS,
        () ->
            Optional.ofNullable(node.withName(host.name()).get())
                .map(HypervisorNode::getStatus)
                .filter(status -> status.peerTransport() != null));
  }
}
