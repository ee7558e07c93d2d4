package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.util.Optional;

/** {@link NodeObject} by server-side apply. The spec is the admins': it is never sent. */
final class ApiNodeObject implements NodeObject {
  private final KubernetesClient client;
  private final ApiServer api;
  private final String nodeName;
  private final PatchContext apply;

  ApiNodeObject(KubernetesClient client, ApiServer api, String nodeName, String fieldManager) {
    this.client = client;
    this.api = api;
    this.nodeName = nodeName;
    this.apply =
        new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager(fieldManager)
            .withForce(true)
            .build();
  }

  @Override
  public Optional<HypervisorNodeStatus> read() throws ApiException {
    return Optional.ofNullable(
            api.read(() -> client.resources(HypervisorNode.class).withName(nodeName).get()))
        .map(HypervisorNode::getStatus);
  }

  @Override
  public boolean apply(HypervisorNodeStatus status) throws ApiException {
    try {
      applyStatus(status);
      return false;
    } catch (ApiException e) {
      if (e.code() != ApiServer.NOT_FOUND) {
        throw e;
      }
      api.write("hypervisornodes", () -> client.resource(named()).patch(apply));
      applyStatus(status);
      return true;
    }
  }

  private void applyStatus(HypervisorNodeStatus status) throws ApiException {
    var fresh = named();
    fresh.setStatus(status);
    api.write(
        "hypervisornodes/status", () -> client.resource(fresh).subresource("status").patch(apply));
  }

  private HypervisorNode named() {
    var fresh = new HypervisorNode();
    fresh.setMetadata(new ObjectMetaBuilder().withName(nodeName).build());
    return fresh;
  }
}
