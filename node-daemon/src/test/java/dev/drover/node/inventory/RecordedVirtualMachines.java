package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.VirtualMachineSpec;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** An API server in memory that remembers what was asked of it. */
final class RecordedVirtualMachines implements VirtualMachines {
  final List<String> writes = new ArrayList<>();
  final Map<String, Found> objects = new LinkedHashMap<>();

  /** Keys of {@link #objects} that the operator will forget. */
  final Set<String> soonFree = new HashSet<>();

  final Set<String> namespaces = new HashSet<>(Set.of("default"));
  int reads;
  @Nullable ApiException failure;
  private int uid;

  static ApiException away() {
    return new ApiException(ApiException.Kind.Away, 0, "connection refused", new Throwable());
  }

  static ApiException refused() {
    return new ApiException(ApiException.Kind.Refused, 403, "forbidden", new Throwable());
  }

  void put(String namespace, String name, UUID uuid, Optional<Sighting> own) {
    objects.put(
        namespace + "/" + name, new Found(uuid, new Place(namespace, name, "uid-" + uid++), own));
  }

  private void answer() throws ApiException {
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public List<Found> withOwnSighting() throws ApiException {
    answer();
    reads++;
    return objects.values().stream().filter(f -> f.own().isPresent()).toList();
  }

  @Override
  public List<Found> of(UUID uuid) throws ApiException {
    answer();
    reads++;
    return objects.values().stream().filter(f -> f.uuid().equals(uuid)).toList();
  }

  @Override
  public Creation create(String namespace, String name, VirtualMachineSpec spec)
      throws ApiException {
    answer();
    if (!namespaces.contains(namespace)) {
      return new Creation.NamespaceMissing();
    }
    var there = objects.get(namespace + "/" + name);
    if (there != null && !there.uuid().toString().equals(spec.domainUuid())) {
      return new Creation.NameTaken(soonFree.contains(namespace + "/" + name));
    }
    if (there == null) {
      writes.add("create " + namespace + "/" + name);
      put(namespace, name, UUID.fromString(spec.domainUuid()), Optional.empty());
    }
    return new Creation.Created(objects.get(namespace + "/" + name));
  }

  @Override
  public boolean report(Place place, Optional<Sighting> sighting) throws ApiException {
    answer();
    var key = place.namespace() + "/" + place.name();
    var there = objects.get(key);
    if (there == null || !there.place().equals(place)) {
      return false;
    }
    writes.add(key + " " + sighting.map(s -> s.state().name()).orElse("absent"));
    objects.put(key, new Found(there.uuid(), place, sighting));
    return true;
  }
}
