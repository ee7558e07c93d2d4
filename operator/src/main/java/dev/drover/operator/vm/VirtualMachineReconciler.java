package dev.drover.operator.vm;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.operator.cluster.CachedCluster;
import dev.drover.operator.cluster.Cluster;
import dev.drover.operator.cluster.PrimaryEvents;
import dev.drover.operator.cluster.Wakeups;
import dev.drover.operator.event.EventRecorder;
import dev.drover.operator.node.Readiness;
import dev.drover.operator.status.Removal;
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
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Says where a virtual machine is, and alarms when it runs twice. One that no daemon sees any more
 * is removed after a minute, unless a migration is moving it: a fenced host's daemon may come back
 * to it, one that is given up is waited for no more.
 */
@ControllerConfiguration(name = "virtualmachine", generationAwareEventProcessing = false)
public final class VirtualMachineReconciler implements Reconciler<VirtualMachine> {
  static final Duration REMOVED_AFTER = Duration.ofSeconds(60);

  /** How much later than the new host's sighting the old host's may go at a switchover. */
  static final Duration SETTLED_AFTER = Duration.ofSeconds(3);

  private final Cluster cluster;
  private final StatusWriter writer;
  private final Removal removal;
  private final EventRecorder events;
  private final InstantSource clock;
  private final Duration heartbeatExpiry;
  private final CachedCluster caches;
  private final Wakeups wakeups;
  // In memory only: a restart starts the minute again, which is the safe side.
  private final ConcurrentMap<String, Instant> unseenSince = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, Instant> doubleSince = new ConcurrentHashMap<>();

  public VirtualMachineReconciler(
      Cluster cluster,
      StatusWriter writer,
      Removal removal,
      EventRecorder events,
      InstantSource clock,
      Duration heartbeatExpiry,
      CachedCluster caches,
      Wakeups wakeups) {
    this.cluster = cluster;
    this.writer = writer;
    this.removal = removal;
    this.events = events;
    this.clock = clock;
    this.heartbeatExpiry = heartbeatExpiry;
    this.caches = caches;
    this.wakeups = wakeups;
  }

  @Override
  public List<EventSource<?, VirtualMachine>> prepareEventSources(
      EventSourceContext<VirtualMachine> context) {
    return List.of(
        wakeups.ofMachines(),
        new PrimaryEvents<>(
            "machine-changes",
            () -> caches.machinesFrom(context.getPrimaryCache()),
            (now, before) -> wakeups.machineChanged(now),
            gone -> {
              unseenSince.remove(gone.getMetadata().getUid());
              doubleSince.remove(gone.getMetadata().getUid());
              wakeups.machineChanged(gone);
            }));
  }

  @Override
  public UpdateControl<VirtualMachine> reconcile(
      VirtualMachine machine, Context<VirtualMachine> context) {
    UpdateControl<VirtualMachine> control = UpdateControl.noUpdate();
    advance(machine).ifPresent(after -> control.rescheduleAfter(after.plusMillis(1)));
    return control;
  }

  Optional<Duration> advance(VirtualMachine machine) {
    if (machine.getMetadata().getDeletionTimestamp() != null) {
      return Optional.empty();
    }
    Instant now = clock.instant();
    Set<String> blind = blind(machine, now);
    Optional<Phase> migration = migration(machine, now);
    Optional<Duration> unsettledFor = unsettledFor(machine, blind, now);
    VirtualMachineStatus before = MachineView.owned(machine);
    VirtualMachineStatus after =
        MachineView.derive(machine, blind, migration, unsettledFor.isEmpty(), now);
    if (!after.equals(before)) {
      Optional<VirtualMachine> written = writer.apply(fresh(machine, after));
      if (written.isEmpty()) {
        return Optional.of(Duration.ofMillis(100));
      }
      alarm(machine, before, after);
    }
    return unsettledFor.or(() -> removeUnseen(machine, migration, now));
  }

  /** Hosts that see nothing any more, whatever they saw last: fenced, or given up. */
  private Set<String> blind(VirtualMachine machine, Instant now) {
    return Stream.concat(fenced(now), cluster.givenUp(machine).stream())
        .collect(Collectors.toSet());
  }

  private Stream<String> fenced(Instant now) {
    return cluster
        .nodes()
        .filter(
            node ->
                Readiness.of(
                        node,
                        cluster.lastHeartbeat(node.getMetadata().getName()),
                        heartbeatExpiry,
                        now)
                    .fenced())
        .map(node -> node.getMetadata().getName());
  }

  /** How long two running sightings may still be the two ends of a switchover. */
  private Optional<Duration> unsettledFor(VirtualMachine machine, Set<String> blind, Instant now) {
    String uid = machine.getMetadata().getUid();
    if (!MachineView.isDouble(machine, blind)) {
      doubleSince.remove(uid);
      return Optional.empty();
    }
    Instant since = Objects.requireNonNullElse(doubleSince.putIfAbsent(uid, now), now);
    Duration left = Duration.between(now, since.plus(SETTLED_AFTER));
    return left.isPositive() ? Optional.of(left) : Optional.empty();
  }

  private Optional<Duration> removeUnseen(
      VirtualMachine machine, Optional<Phase> migration, Instant now) {
    String uid = machine.getMetadata().getUid();
    Set<String> givenUp = cluster.givenUp(machine);
    boolean seen =
        MachineView.status(machine).sightingsOrEmpty().stream()
            .anyMatch(sighting -> !givenUp.contains(sighting.nodeName()));
    if (migration.isPresent() || seen) {
      unseenSince.remove(uid);
      return Optional.empty();
    }
    Instant since = Objects.requireNonNullElse(unseenSince.putIfAbsent(uid, now), now);
    Duration left = Duration.between(now, since.plus(REMOVED_AFTER));
    if (left.isPositive()) {
      return Optional.of(left);
    }
    removal.delete(machine);
    return Optional.empty();
  }

  private void alarm(
      VirtualMachine machine, VirtualMachineStatus before, VirtualMachineStatus after) {
    Condition is = MachineView.condition(after, ConditionType.SplitBrain);
    Condition was = MachineView.condition(before, ConditionType.SplitBrain);
    if (is != null && is.isTrue() && (was == null || !was.isTrue())) {
      events.record(
          machine,
          EventRecorder.Type.Warning,
          Reason.SplitBrain,
          Objects.requireNonNullElse(is.message(), ""),
          is.lastTransitionTime());
    }
  }

  /**
   * The phase of the migration that is moving it; of a waiting one if there is none. One that has
   * just succeeded still counts: the old host's sighting goes a moment after it, and two for that
   * moment are no split brain.
   */
  private Optional<Phase> migration(VirtualMachine machine, Instant now) {
    List<Phase> phases =
        cluster
            .migrations()
            .filter(m -> isOf(m, machine))
            .filter(m -> !phase(m).isTerminal() || hasJustSucceeded(m, now))
            .map(VirtualMachineReconciler::phase)
            .toList();
    return phases.stream()
        .filter(Phase::isTransferring)
        .findFirst()
        .or(() -> phases.stream().findFirst());
  }

  private static Phase phase(LiveMigration migration) {
    return migration.getStatus() == null ? Phase.Pending : migration.getStatus().phaseValue();
  }

  private static boolean hasJustSucceeded(LiveMigration migration, Instant now) {
    return migration
        .getStatus()
        .condition(ConditionType.Succeeded)
        .filter(Condition::isTrue)
        .map(c -> Instant.parse(c.lastTransitionTime()).plus(SETTLED_AFTER).isAfter(now))
        .orElse(false);
  }

  private static boolean isOf(LiveMigration migration, VirtualMachine machine) {
    return migration.getSpec().virtualMachineName().equals(machine.getMetadata().getName())
        && Objects.equals(
            migration.getMetadata().getNamespace(), machine.getMetadata().getNamespace());
  }

  private static VirtualMachine fresh(VirtualMachine machine, VirtualMachineStatus status) {
    var fresh = new VirtualMachine();
    fresh.setMetadata(
        new ObjectMetaBuilder()
            .withName(machine.getMetadata().getName())
            .withNamespace(machine.getMetadata().getNamespace())
            .withUid(machine.getMetadata().getUid())
            .withResourceVersion(machine.getMetadata().getResourceVersion())
            .build());
    fresh.setStatus(status);
    return fresh;
  }
}
