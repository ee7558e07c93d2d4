package dev.drover.node.hypervisor;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;

/**
 * A transfer to be started.
 *
 * @param landPaused VIR_MIGRATE_PAUSED: the target does not run by itself
 * @param persist the domain is defined on the target and undefined here
 * @param postCopy the transfer may be switched to post-copy; excludes {@code landPaused}
 * @param copyDisks targets ({@code vda}) of the disks that are copied; their volumes exist on the
 *     target
 * @param bridges the target's bridges that take the place of this host's, by the name here
 * @param bandwidthMiBps for memory, and for each copied disk by itself (that is how libvirt has it)
 * @param stream how memory goes over
 * @param overlaysOnly of each copied disk, the image alone: what it stands on is at the target
 *     already, and its volume there stands on it; else all that the guest sees
 * @param newPlaces the volumes of the target that network disks become, by the disk's target
 * @param pins what becomes of the guest's pins there; empty: they stay as they are
 */
public record TransferRequest(
    UUID uuid,
    PeerAddress target,
    boolean landPaused,
    boolean persist,
    boolean postCopy,
    List<String> copyDisks,
    Map<String, String> bridges,
    OptionalInt bandwidthMiBps,
    MemoryStream stream,
    boolean overlaysOnly,
    Map<String, Place> newPlaces,
    Optional<Pins> pins) {

  /** With all of each copied disk, and the pins as they are. */
  public TransferRequest(
      UUID uuid,
      PeerAddress target,
      boolean landPaused,
      boolean persist,
      boolean postCopy,
      List<String> copyDisks,
      Map<String, String> bridges,
      OptionalInt bandwidthMiBps,
      MemoryStream stream) {
    this(
        uuid,
        target,
        landPaused,
        persist,
        postCopy,
        copyDisks,
        bridges,
        bandwidthMiBps,
        stream,
        false,
        Map.of(),
        Optional.empty());
  }

  /** With memory in one plain stream. */
  public TransferRequest(
      UUID uuid,
      PeerAddress target,
      boolean landPaused,
      boolean persist,
      boolean postCopy,
      List<String> copyDisks,
      Map<String, String> bridges,
      OptionalInt bandwidthMiBps) {
    this(
        uuid,
        target,
        landPaused,
        persist,
        postCopy,
        copyDisks,
        bridges,
        bandwidthMiBps,
        MemoryStream.PLAIN);
  }

  public TransferRequest {
    if (landPaused && postCopy) {
      throw new IllegalArgumentException("a guest can't land paused when post-copy is on");
    }
    copyDisks = List.copyOf(copyDisks);
    bridges = Map.copyOf(bridges);
    newPlaces = Map.copyOf(newPlaces);
  }
}
