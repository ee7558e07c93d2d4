package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.VirtualMachineSpec;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The VirtualMachines of the API server, as far as one node's sightings need them. */
interface VirtualMachines {

  /** An object, and what it has of this node. */
  record Found(UUID uuid, Place place, Optional<Sighting> own) {}

  /** What came of a creation. */
  sealed interface Creation {

    /** It is there: made now, or by another daemon a moment ago. */
    record Created(Found object) implements Creation {}

    /**
     * Another domain has that name; {@code soonFree} if no host has that one any more, so that the
     * operator will forget it.
     */
    record NameTaken(boolean soonFree) implements Creation {}

    record NamespaceMissing() implements Creation {}
  }

  /** All objects with a sighting of this node. */
  List<Found> withOwnSighting() throws ApiException;

  /** The objects of that domain, in all namespaces, oldest first; more than one only by mistake. */
  List<Found> of(UUID uuid) throws ApiException;

  Creation create(String namespace, String name, VirtualMachineSpec spec) throws ApiException;

  /**
   * Applies this node's sighting, and nothing else; empty takes it away. False if the object is
   * gone, or another one has its name.
   */
  boolean report(Place place, Optional<Sighting> sighting) throws ApiException;
}
