package dev.drover.operator.cluster;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.VirtualMachine;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.inbound.SimpleInboundEventSource;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Who has to look again when something changes. A migration waits for three things besides its own
 * status: its virtual machine, a node, a slot. One that is on its way needs its source's daemon.
 */
public final class Wakeups {
  private final Cluster cluster;
  private final SimpleInboundEventSource<LiveMigration> migrations =
      new SimpleInboundEventSource<>("migration-wakeups");
  private final SimpleInboundEventSource<VirtualMachine> machines =
      new SimpleInboundEventSource<>("machine-wakeups");
  private final SimpleInboundEventSource<HypervisorNode> nodes =
      new SimpleInboundEventSource<>("node-wakeups");

  public Wakeups(Cluster cluster) {
    this.cluster = cluster;
  }

  public SimpleInboundEventSource<LiveMigration> ofMigrations() {
    return migrations;
  }

  public SimpleInboundEventSource<VirtualMachine> ofMachines() {
    return machines;
  }

  public SimpleInboundEventSource<HypervisorNode> ofNodes() {
    return nodes;
  }

  public void machineChanged(VirtualMachine machine) {
    wake(
        m ->
            !phase(m).isTerminal()
                && m.getSpec().virtualMachineName().equals(machine.getMetadata().getName())
                && Objects.equals(
                    m.getMetadata().getNamespace(), machine.getMetadata().getNamespace()));
  }

  public void nodeChanged(String node) {
    wake(m -> isWaiting(m) || isTransferring(m, node));
  }

  /**
   * Its HypervisorNode came or went, or it was fenced, or is so no longer: what it saw counts no
   * more, or does again, and nobody waits for its word.
   */
  public void standingChanged(String node) {
    wake(m -> !phase(m).isTerminal() && (node.equals(source(m)) || node.equals(target(m))));
    cluster
        .machines()
        .filter(
            machine ->
                machine.getStatus() != null
                    && machine.getStatus().sightingsOrEmpty().stream()
                        .anyMatch(s -> s.nodeName().equals(node)))
        .map(Wakeups::id)
        .toList()
        .forEach(machines::propagateEvent);
  }

  /** A heartbeat came back or went. */
  public void heartbeatChanged(String node) {
    nodes.propagateEvent(new ResourceID(node));
    nodeChanged(node);
  }

  /** {@code before} is {@code now} itself when it was seen for the first time. */
  @SuppressWarnings("ReferenceEquality")
  public void migrationChanged(LiveMigration now, LiveMigration before) {
    boolean sameSlots =
        phase(now) == phase(before) && now != before && Objects.equals(target(now), target(before));
    if (!sameSlots) {
      freed(now);
    } else if (now.getSpec().priorityOrDefault() != before.getSpec().priorityOrDefault()) {
      wakeWaiting();
    }
  }

  public void migrationDeleted(LiveMigration gone) {
    freed(gone);
  }

  private void freed(LiveMigration migration) {
    machines.propagateEvent(
        new ResourceID(
            migration.getSpec().virtualMachineName(), migration.getMetadata().getNamespace()));
    // Only these ends free or take something that a waiting one may want; PreCopy and the like
    // don't.
    if (phase(migration).isTerminal()
        || phase(migration) == Phase.PreMigration
        || isBetweenAttempts(migration)
        || migration.getMetadata().getDeletionTimestamp() != null) {
      wakeWaiting();
    }
  }

  private static boolean isBetweenAttempts(LiveMigration migration) {
    return phase(migration) == Phase.Pending
        && migration.getStatus() != null
        && migration.getStatus().attemptNumber() > 1;
  }

  private void wakeWaiting() {
    wake(Wakeups::isWaiting);
  }

  private static boolean isWaiting(LiveMigration migration) {
    return phase(migration) == Phase.Pending || phase(migration) == Phase.PreMigration;
  }

  /** Whether it is now {@code node} that has to tell what comes of it. */
  private static boolean isTransferring(LiveMigration migration, String node) {
    return switch (phase(migration)) {
      case PreCopy, StopAndCopy, PostCopy -> node.equals(source(migration));
      case Pending, PreMigration, Reservation, Commitment, Succeeded, Failed, Aborted -> false;
    };
  }

  private static @Nullable String source(LiveMigration migration) {
    return migration.getStatus() == null ? null : migration.getStatus().sourceNode();
  }

  private void wake(Predicate<LiveMigration> who) {
    cluster.migrations().filter(who).map(Wakeups::id).toList().forEach(migrations::propagateEvent);
  }

  private static ResourceID id(HasMetadata object) {
    return ResourceID.fromResource(object);
  }

  private static Phase phase(LiveMigration migration) {
    return migration.getStatus() == null ? Phase.Pending : migration.getStatus().phaseValue();
  }

  private static @Nullable String target(LiveMigration migration) {
    return migration.getStatus() == null ? null : migration.getStatus().targetNode();
  }
}
