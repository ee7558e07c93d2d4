package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.Drover;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.operator.cluster.CachedCluster;
import dev.drover.operator.cluster.Cluster;
import dev.drover.operator.cluster.PrimaryEvents;
import dev.drover.operator.cluster.Wakeups;
import dev.drover.operator.migration.phase.Step;
import dev.drover.operator.node.Readiness;
import dev.drover.operator.status.Removal;
import dev.drover.operator.status.StatusWriter;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.javaoperatorsdk.operator.api.reconciler.Cleaner;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.DeleteControl;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Takes one migration one step further: facts from the caches, one answer from the steps, at most
 * one write. Nothing here waits; what is waited for wakes it up.
 *
 * <p>A write carries the resourceVersion that it was computed from. So neither a stale cache nor a
 * former leader's last breath can take a migration back: the API server refuses it, and the next
 * event brings a new computation.
 */
@ControllerConfiguration(
    name = "livemigration",
    finalizerName = Drover.FINALIZER,
    generationAwareEventProcessing = false)
public final class LiveMigrationReconciler
    implements Reconciler<LiveMigration>, Cleaner<LiveMigration> {
  /** Until a refused write is tried again, should the event that explains it not come first. */
  private static final Duration AFTER_CONFLICT = Duration.ofMillis(100);

  /**
   * What is left to do for the SDK.
   *
   * @param releaseObject the finalizer may go
   */
  record Outcome(Optional<Duration> recheckAfter, boolean releaseObject) {}

  private final Cluster cluster;
  private final StatusWriter writer;
  private final Removal removal;
  private final MigrationListener listener;
  private final InstantSource clock;
  private final Duration heartbeatExpiry;
  private final Wiring wiring;
  private final Claims claims = new Claims();
  private final NewestMigrations newest = new NewestMigrations();

  /** Where this controller's cache and events are wanted. */
  public record Wiring(CachedCluster cluster, Wakeups wakeups) {}

  public LiveMigrationReconciler(
      Cluster cluster,
      StatusWriter writer,
      Removal removal,
      MigrationListener listener,
      InstantSource clock,
      Duration heartbeatExpiry,
      Wiring wiring) {
    this.cluster = cluster;
    this.writer = writer;
    this.removal = removal;
    this.listener = listener;
    this.clock = clock;
    this.heartbeatExpiry = heartbeatExpiry;
    this.wiring = wiring;
  }

  @Override
  public List<EventSource<?, LiveMigration>> prepareEventSources(
      EventSourceContext<LiveMigration> context) {
    return List.of(
        wiring.wakeups().ofMigrations(),
        new PrimaryEvents<>(
            "migration-changes",
            () -> wiring.cluster().migrationsFrom(context.getPrimaryCache()),
            wiring.wakeups()::migrationChanged,
            this::migrationGone));
  }

  /** Whether an update tells the operator anything: progress ticks don't. */
  public static boolean isOfInterest(LiveMigration now, LiveMigration before) {
    return !Objects.equals(now.getMetadata().getGeneration(), before.getMetadata().getGeneration())
        || !Objects.equals(
            now.getMetadata().getDeletionTimestamp(), before.getMetadata().getDeletionTimestamp())
        || !Objects.equals(now.getMetadata().getFinalizers(), before.getMetadata().getFinalizers())
        || !Objects.equals(interesting(now.getStatus()), interesting(before.getStatus()));
  }

  private static List<Object> interesting(@Nullable LiveMigrationStatus status) {
    return status == null
        ? List.of()
        : List.of(
            StatusFactory.owned(status),
            Optional.ofNullable(status.source()),
            Optional.ofNullable(status.target()),
            Optional.ofNullable(status.forecast()),
            Optional.ofNullable(status.decisions()));
  }

  @Override
  public UpdateControl<LiveMigration> reconcile(
      LiveMigration resource, Context<LiveMigration> context) {
    Outcome outcome = advance(resource);
    UpdateControl<LiveMigration> control = UpdateControl.noUpdate();
    outcome.recheckAfter().ifPresent(after -> control.rescheduleAfter(atLeastOneMilli(after)));
    return control;
  }

  @Override
  public DeleteControl cleanup(LiveMigration resource, Context<LiveMigration> context) {
    Outcome outcome = advance(resource);
    if (outcome.releaseObject()) {
      return DeleteControl.defaultDelete();
    }
    DeleteControl control = DeleteControl.noFinalizerRemoval();
    outcome.recheckAfter().ifPresent(after -> control.rescheduleAfter(atLeastOneMilli(after)));
    return control;
  }

  Outcome advance(LiveMigration cached) {
    LiveMigration migration = newest.of(cached);
    Phase phase =
        migration.getStatus() == null ? Phase.Pending : migration.getStatus().phaseValue();
    // An answer to a write of ours may be newer than the cache and yet older than the deletion.
    boolean deleting =
        migration.getMetadata().getDeletionTimestamp() != null
            || cached.getMetadata().getDeletionTimestamp() != null;
    if (deleting && (phase.isTerminal() || phase == Phase.Pending)) {
      return new Outcome(Optional.empty(), true);
    }
    return switch (phase) {
      // Decisions about hosts and slots: one after the other.
      case Pending, PreMigration -> claims.exclusively(() -> step(migration));
      default -> step(migration);
    };
  }

  void migrationGone(LiveMigration gone) {
    String uid = gone.getMetadata().getUid();
    claims.release(uid);
    newest.forget(uid);
    wiring.wakeups().migrationDeleted(gone);
  }

  private Outcome step(LiveMigration migration) {
    listener.seen(migration);
    MigrationContext context = context(migration);
    Progress progress = Step.first(context);
    if (progress instanceof Progress.Delete) {
      removal.delete(migration);
      return new Outcome(Optional.empty(), false);
    }
    LiveMigrationStatus before = StatusFactory.owned(context.status());
    LiveMigrationStatus after = StatusFactory.next(context, progress);
    String uid = migration.getMetadata().getUid();
    if (!after.phaseValue().isTerminal()) {
      claims.take(uid, after, waitingFor(progress));
    }
    if (!after.equals(before)) {
      Optional<LiveMigration> written = writer.apply(fresh(migration, after));
      if (written.isEmpty()) {
        return new Outcome(Optional.of(AFTER_CONFLICT), false);
      }
      newest.remember(written.get());
      listener.written(before, written.get());
    }
    if (after.phaseValue().isTerminal()) {
      claims.release(uid);
    }
    return new Outcome(recheckAfter(progress), false);
  }

  private MigrationContext context(LiveMigration migration) {
    Instant now = clock.instant();
    Map<String, NodeFacts> nodes =
        cluster
            .nodes()
            .map(n -> NodeFacts.of(n, readiness(n, now)))
            .collect(Collectors.toMap(NodeFacts::name, Function.identity(), (a, b) -> a));
    Optional<VirtualMachine> machine =
        cluster.machine(
            migration.getMetadata().getNamespace(), migration.getSpec().virtualMachineName());
    return new MigrationContext(
        migration,
        machine,
        nodes,
        machine.map(cluster::givenUp).orElse(Set.of()),
        claims.peers(cluster.migrations().map(newest::of), migration, now),
        now);
  }

  private Readiness readiness(HypervisorNode node, Instant now) {
    return Readiness.of(
        node, cluster.lastHeartbeat(node.getMetadata().getName()), heartbeatExpiry, now);
  }

  private static LiveMigration fresh(LiveMigration migration, LiveMigrationStatus status) {
    var fresh = new LiveMigration();
    fresh.setMetadata(
        new ObjectMetaBuilder()
            .withName(migration.getMetadata().getName())
            .withNamespace(migration.getMetadata().getNamespace())
            .withUid(migration.getMetadata().getUid())
            .withResourceVersion(migration.getMetadata().getResourceVersion())
            .build());
    fresh.setStatus(status);
    return fresh;
  }

  private static Set<String> waitingFor(Progress progress) {
    return progress instanceof Progress.Wait wait ? wait.changes().waitingFor() : Set.of();
  }

  private static Optional<Duration> recheckAfter(Progress progress) {
    return switch (progress) {
      case Progress.Quiet quiet -> quiet.recheckAfter();
      case Progress.Wait wait -> wait.recheckAfter();
      case Progress.Rest rest -> rest.recheckAfter();
      // Its own write wakes it up.
      case Progress.Proceed _,
          Progress.Become _,
          Progress.Fail _,
          Progress.End _,
          Progress.Delete _ ->
          Optional.empty();
    };
  }

  private static Duration atLeastOneMilli(Duration duration) {
    return duration.toMillis() < 1 ? Duration.ofMillis(1) : duration;
  }
}
