package dev.drover.operator.cluster;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The cluster as the informers show it; may lag behind the API server, never asks it. */
public interface Cluster {
  Optional<VirtualMachine> machine(String namespace, String name);

  Stream<VirtualMachine> machines();

  Stream<HypervisorNode> nodes();

  Stream<LiveMigration> migrations();

  /**
   * Whether that host is given up: an admin has deleted its HypervisorNode, and its daemon is
   * silent. What it saw counts no more; a daemon that comes back makes the object anew.
   */
  boolean isGivenUp(String node);

  /** Those of the hosts that saw it that are given up. */
  default Set<String> givenUp(VirtualMachine machine) {
    VirtualMachineStatus status = machine.getStatus();
    return status == null
        ? Set.of()
        : status.sightingsOrEmpty().stream()
            .map(Sighting::nodeName)
            .filter(this::isGivenUp)
            .collect(Collectors.toSet());
  }

  /** When the daemon of {@code node} last renewed its Lease, by this process's clock. */
  Optional<Instant> lastHeartbeat(String node);
}
