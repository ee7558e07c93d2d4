package dev.drover.operator.node;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.operator.cluster.CachedCluster;
import dev.drover.operator.cluster.Cluster;
import dev.drover.operator.cluster.PrimaryEvents;
import dev.drover.operator.cluster.Wakeups;
import dev.drover.operator.status.StatusWriter;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;

/**
 * Writes a node's Ready condition: its daemon's Lease is fresh and its libvirt answers. Written
 * only when it changes; a timer notices a Lease that is no longer renewed.
 */
@ControllerConfiguration(name = "hypervisornode", generationAwareEventProcessing = false)
public final class HypervisorNodeReconciler implements Reconciler<HypervisorNode> {
  private final Cluster cluster;
  private final StatusWriter writer;
  private final InstantSource clock;
  private final Duration heartbeatExpiry;
  private final CachedCluster caches;
  private final Wakeups wakeups;

  public HypervisorNodeReconciler(
      Cluster cluster,
      StatusWriter writer,
      InstantSource clock,
      Duration heartbeatExpiry,
      CachedCluster caches,
      Wakeups wakeups) {
    this.cluster = cluster;
    this.writer = writer;
    this.clock = clock;
    this.heartbeatExpiry = heartbeatExpiry;
    this.caches = caches;
    this.wakeups = wakeups;
  }

  @Override
  public List<EventSource<?, HypervisorNode>> prepareEventSources(
      EventSourceContext<HypervisorNode> context) {
    return List.of(
        wakeups.ofNodes(),
        new PrimaryEvents<>(
            "node-changes",
            () -> caches.nodesFrom(context.getPrimaryCache()),
            this::changed,
            this::gone));
  }

  /** {@code before} is {@code now} itself when it was seen for the first time. */
  @SuppressWarnings("ReferenceEquality")
  private void changed(HypervisorNode now, HypervisorNode before) {
    wakeups.nodeChanged(now.getMetadata().getName());
    if (now == before || isFenced(now) != isFenced(before)) {
      wakeups.standingChanged(now.getMetadata().getName());
    }
  }

  private void gone(HypervisorNode node) {
    wakeups.nodeChanged(node.getMetadata().getName());
    wakeups.standingChanged(node.getMetadata().getName());
  }

  private static boolean isFenced(HypervisorNode node) {
    return node.getStatus() != null && node.getStatus().foundFenced();
  }

  @Override
  public UpdateControl<HypervisorNode> reconcile(
      HypervisorNode node, Context<HypervisorNode> context) {
    UpdateControl<HypervisorNode> control = UpdateControl.noUpdate();
    advance(node).ifPresent(after -> control.rescheduleAfter(after.plusMillis(1)));
    return control;
  }

  Optional<Duration> advance(HypervisorNode node) {
    if (node.getMetadata().getDeletionTimestamp() != null) {
      return Optional.empty();
    }
    Instant now = clock.instant();
    Readiness readiness =
        Readiness.of(
            node, cluster.lastHeartbeat(node.getMetadata().getName()), heartbeatExpiry, now);
    Condition before =
        node.getStatus() == null
            ? null
            : node.getStatus().condition(ConditionType.Ready).orElse(null);
    Condition ready =
        Condition.of(
                ConditionType.Ready,
                readiness.ready() ? Condition.TRUE : Condition.FALSE,
                readiness.reason(),
                readiness.message(),
                now,
                node.getMetadata().getGeneration())
            .replacing(before);
    if (!ready.equals(before) && writer.apply(fresh(node, ready)).isEmpty()) {
      return Optional.of(Duration.ofMillis(100));
    }
    return readiness.recheckAfter();
  }

  private static HypervisorNode fresh(HypervisorNode node, Condition ready) {
    var fresh = new HypervisorNode();
    fresh.setMetadata(
        new ObjectMetaBuilder()
            .withName(node.getMetadata().getName())
            .withUid(node.getMetadata().getUid())
            .withResourceVersion(node.getMetadata().getResourceVersion())
            .build());
    fresh.setStatus(
        new HypervisorNodeStatus(
            List.of(ready), null, null, null, null, null, null, null, null, null, null, null));
    return fresh;
  }
}
