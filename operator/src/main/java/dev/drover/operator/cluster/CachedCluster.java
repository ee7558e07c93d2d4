package dev.drover.operator.cluster;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.VirtualMachine;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.javaoperatorsdk.operator.api.reconciler.IndexedResourceCache;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads the informers that the controllers own anyway, so that there is one per kind. Each
 * controller hands in its cache once that is filled; until then its kind is empty.
 */
public final class CachedCluster implements Cluster {
  private final AtomicReference<@Nullable IndexedResourceCache<LiveMigration>> migrations =
      new AtomicReference<>();
  private final AtomicReference<@Nullable IndexedResourceCache<VirtualMachine>> machines =
      new AtomicReference<>();
  private final AtomicReference<@Nullable IndexedResourceCache<HypervisorNode>> nodes =
      new AtomicReference<>();
  private final Heartbeats heartbeats;

  public CachedCluster(Heartbeats heartbeats) {
    this.heartbeats = heartbeats;
  }

  public void migrationsFrom(IndexedResourceCache<LiveMigration> cache) {
    migrations.set(cache);
  }

  public void machinesFrom(IndexedResourceCache<VirtualMachine> cache) {
    machines.set(cache);
  }

  public void nodesFrom(IndexedResourceCache<HypervisorNode> cache) {
    nodes.set(cache);
  }

  @Override
  public Optional<VirtualMachine> machine(String namespace, String name) {
    IndexedResourceCache<VirtualMachine> cache = machines.get();
    return cache == null ? Optional.empty() : cache.get(new ResourceID(name, namespace));
  }

  @Override
  public Stream<VirtualMachine> machines() {
    return all(machines.get());
  }

  @Override
  public Stream<HypervisorNode> nodes() {
    return all(nodes.get());
  }

  @Override
  public Stream<LiveMigration> migrations() {
    return all(migrations.get());
  }

  @Override
  public boolean isGivenUp(String node) {
    IndexedResourceCache<HypervisorNode> cache = nodes.get();
    // Until the cache is filled nobody is: all hosts would be.
    return cache != null && cache.get(new ResourceID(node)).isEmpty() && heartbeats.isSilent(node);
  }

  @Override
  public Optional<Instant> lastHeartbeat(String node) {
    return heartbeats.lastSeen(node);
  }

  private static <T extends HasMetadata> Stream<T> all(@Nullable IndexedResourceCache<T> cache) {
    return cache == null ? Stream.empty() : cache.list();
  }
}
