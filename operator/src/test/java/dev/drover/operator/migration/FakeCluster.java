package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.operator.cluster.Cluster;
import dev.drover.operator.status.Removal;
import dev.drover.operator.status.StatusWriter;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * An API server for one kind, as far as status writes go: each writer's own fields, resource
 * versions, conflicts. The caches can be frozen to lag behind it.
 */
final class FakeCluster implements Cluster, StatusWriter, Removal {
  final Map<String, LiveMigration> server = new ConcurrentHashMap<>();
  final Map<String, VirtualMachine> machines = new ConcurrentHashMap<>();
  final Map<String, HypervisorNode> nodes = new ConcurrentHashMap<>();
  final List<String> writes = new ArrayList<>();
  final List<String> deleted = new ArrayList<>();
  final Map<String, Instant> silent = new ConcurrentHashMap<>();
  Instant now = Facts.T0;
  private Map<String, LiveMigration> frozen;
  private long version = 1;

  LiveMigration create(String name, String vm) {
    return create(name, LiveMigrationSpec.builder(vm).build());
  }

  LiveMigration create(String name, LiveMigrationSpec spec) {
    return put(Facts.migration(name, spec.virtualMachineName(), spec));
  }

  synchronized LiveMigration put(LiveMigration migration) {
    migration.getMetadata().setResourceVersion(Long.toString(++version));
    server.put(migration.getMetadata().getName(), migration);
    return migration;
  }

  void machine(String name, Sighting... sightings) {
    machines.put(name, Facts.machine(name, List.of(sightings)));
  }

  void see(String name, Sighting... sightings) {
    machines.get(name).setStatus(new VirtualMachineStatus(null, null, List.of(sightings)));
  }

  void node(String name, int in, int out) {
    nodes.put(name, Facts.node(name, in, out));
  }

  /** From now on the caches show what they show. */
  void freeze() {
    frozen = Map.copyOf(server);
  }

  void thaw() {
    frozen = null;
  }

  LiveMigration cached(String name) {
    return (frozen == null ? server : frozen).get(name);
  }

  LiveMigrationStatus status(String name) {
    return server.get(name).getStatus();
  }

  synchronized void source(String name, SourceReport.State state, String reason) {
    LiveMigration m = server.get(name);
    var s = m.getStatus();
    boolean over = state == SourceReport.State.Switched || state == SourceReport.State.CleanedUp;
    var report =
        new SourceReport(
            s.sourceNode(),
            state,
            reason,
            "The source says so.",
            now.toString(),
            null,
            null,
            null,
            over ? Facts.RESULT : null,
            null,
            s.attempt());
    put(copy(m, with(s, s, report, s.target())));
  }

  synchronized void target(String name, TargetReport.State state, String reason) {
    LiveMigration m = server.get(name);
    var s = m.getStatus();
    var report =
        new TargetReport(
            s.targetNode(),
            state,
            reason,
            "The target says so.",
            now.toString(),
            null,
            List.of(),
            s.attempt());
    put(copy(m, with(s, s, s.source(), report)));
  }

  @Override
  @SuppressWarnings("unchecked")
  public synchronized <T extends HasMetadata> Optional<T> apply(T fresh) {
    var applied = (LiveMigration) fresh;
    LiveMigration is = server.get(applied.getMetadata().getName());
    if (is == null
        || !is.getMetadata().getUid().equals(applied.getMetadata().getUid())
        || !is.getMetadata()
            .getResourceVersion()
            .equals(applied.getMetadata().getResourceVersion())) {
      return Optional.empty();
    }
    var before = is.getStatus() == null ? LiveMigrationStatus.builder().build() : is.getStatus();
    var own = applied.getStatus();
    if (own.source() != null || own.target() != null || own.progress() != null) {
      throw new AssertionError("The operator wrote what is not its own");
    }
    writes.add(applied.getMetadata().getName() + ":" + own.phase());
    return Optional.of((T) put(copy(is, with(own, own, before.source(), before.target()))));
  }

  private static LiveMigrationStatus with(
      LiveMigrationStatus own,
      LiveMigrationStatus conditions,
      SourceReport source,
      TargetReport target) {
    List<Condition> all = conditions.conditions();
    return LiveMigrationStatus.builder()
        .observedGeneration(own.observedGeneration())
        .phase(own.phaseValue())
        .conditions(all)
        .sourceNode(own.sourceNode())
        .targetNode(own.targetNode())
        .domainUuid(own.domainUuid())
        .attempt(own.attempt())
        .attempts(own.attempts())
        .queue(own.queue())
        .phases(own.phases())
        .candidates(own.candidates())
        .failure(own.failure())
        .result(own.result())
        .source(source)
        .target(target)
        .build();
  }

  LiveMigration copy(LiveMigration of, LiveMigrationStatus status) {
    var copy = new LiveMigration();
    copy.setMetadata(new ObjectMetaBuilder(of.getMetadata()).build());
    copy.setSpec(of.getSpec());
    copy.setStatus(status);
    return copy;
  }

  @Override
  public void delete(HasMetadata seen) {
    deleted.add(seen.getMetadata().getName());
    server.remove(seen.getMetadata().getName());
  }

  @Override
  public Optional<VirtualMachine> machine(String namespace, String name) {
    return Optional.ofNullable(machines.get(name));
  }

  @Override
  public Stream<VirtualMachine> machines() {
    return machines.values().stream();
  }

  @Override
  public Stream<HypervisorNode> nodes() {
    return nodes.values().stream();
  }

  @Override
  public Stream<LiveMigration> migrations() {
    return Objects.requireNonNullElse(frozen, server).values().stream();
  }

  @Override
  public boolean isGivenUp(String node) {
    return false;
  }

  @Override
  public Optional<Instant> lastHeartbeat(String node) {
    return Optional.of(silent.getOrDefault(node, now));
  }
}
