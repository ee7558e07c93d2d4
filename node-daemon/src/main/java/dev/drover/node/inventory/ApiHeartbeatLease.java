package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.Drover;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;

/** {@link HeartbeatLease} by server-side apply: one request whether it is there or not. */
final class ApiHeartbeatLease implements HeartbeatLease {
  private final KubernetesClient client;
  private final ApiServer api;
  private final String namespace;
  private final String nodeName;
  private final String holder;
  private final Duration duration;
  private final ZonedDateTime acquired;
  private final PatchContext apply;

  ApiHeartbeatLease(
      KubernetesClient client,
      ApiServer api,
      String namespace,
      String nodeName,
      String holder,
      Duration duration,
      String fieldManager,
      Instant acquired) {
    this.client = client;
    this.api = api;
    this.namespace = namespace;
    this.nodeName = nodeName;
    this.holder = holder;
    this.duration = duration;
    this.acquired = acquired.atZone(ZoneOffset.UTC);
    this.apply =
        new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager(fieldManager)
            .withForce(true)
            .build();
  }

  @Override
  public void renew(Instant now) throws ApiException {
    var lease =
        new LeaseBuilder()
            .withNewMetadata()
            .withNamespace(namespace)
            .withName(Drover.HEARTBEAT_LEASE_PREFIX + nodeName)
            .endMetadata()
            .withNewSpec()
            .withHolderIdentity(holder)
            .withLeaseDurationSeconds(Math.toIntExact(duration.toSeconds()))
            .withAcquireTime(acquired)
            .withRenewTime(now.atZone(ZoneOffset.UTC))
            .endSpec()
            .build();
    api.write("leases", () -> client.resource(lease).patch(apply));
  }
}
