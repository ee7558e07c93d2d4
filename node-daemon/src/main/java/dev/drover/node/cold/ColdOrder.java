package dev.drover.node.cold;

import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.Pins;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * All that a cold migration has to know and that never changes while it runs.
 *
 * @param bridges the target's bridges that take the place of this host's, by the name here
 * @param pins what becomes of the guest's pins there; empty: they stay
 * @param shutdownTimeout how long a guest that ran may take to shut down
 */
public record ColdOrder(
    UUID uuid,
    String targetNode,
    PeerAddress target,
    Map<String, String> bridges,
    Optional<Pins> pins,
    List<DiskFile> copies,
    Duration shutdownTimeout) {

  public ColdOrder {
    bridges = Map.copyOf(bridges);
    copies = List.copyOf(copies);
  }

  /** A file to be copied: a volume of a pool here, and of a pool there. */
  public record DiskFile(
      String target, String pool, String volume, String targetPool, String targetVolume) {}
}
