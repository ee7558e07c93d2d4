package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.IdSet;
import dev.drover.node.hypervisor.MemoryStream;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.Pins;
import dev.drover.node.hypervisor.Place;
import dev.drover.node.stream.StreamChoice;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** All that a transfer has to know and that never changes while it runs. */
record TransferOrder(
    UUID uuid,
    Guest guest,
    String targetNode,
    PeerAddress target,
    List<String> copyDisks,
    boolean overlaysOnly,
    Map<String, Place> newPlaces,
    Optional<Pins> pins,
    Map<String, String> bridges,
    boolean fenced,
    boolean postCopy,
    LiveMigrationSpec spec) {

  static TransferOrder of(
      LiveMigration migration,
      UUID uuid,
      Guest guest,
      String targetNode,
      PeerAddress target,
      Map<String, String> bridges) {
    var spec = migration.getSpec();
    // A guest that stands still anyway has nothing to gain from post-copy, and libvirt refuses it
    // (libvirt.md 0.8).
    boolean postCopy = spec.postCopyOrDefault() == PostCopyPolicy.Allowed && !guest.paused();
    var copies = migration.getStatus().currentTarget().map(TargetReport::copies).orElse(List.of());
    return new TransferOrder(
        uuid,
        guest,
        targetNode,
        target,
        copies.stream().map(DiskPlan::target).toList(),
        // libvirt knows this for all disks only; one that stands on nothing is copied whole anyway.
        copies.stream().anyMatch(copy -> copy.base() != null),
        copies.stream()
            .filter(DiskPlan::movesToVolume)
            .collect(
                Collectors.toMap(
                    DiskPlan::target,
                    copy ->
                        new Place(
                            Objects.requireNonNull(copy.pool()),
                            Objects.requireNonNull(copy.volume())))),
        pins(guest, migration.getStatus().currentTarget()),
        bridges,
        spec.commitOrDefault() == CommitOrder.Fenced && !postCopy,
        postCopy,
        spec);
  }

  /** As the target has planned it; empty if all of them stay. */
  static Optional<Pins> pins(Guest guest, Optional<TargetReport> target) {
    return target
        .flatMap(report -> Optional.ofNullable(report.pinning()))
        .map(pinning -> pins(guest, pinning));
  }

  /** What does not move stays; what is no CPU or node of this host goes. */
  private static Pins pins(Guest guest, TargetReport.Pinning pinning) {
    if (pinning.dropsAll()) {
      return Pins.DROPPED;
    }
    var surroundings = guest.surroundings();
    return new Pins(
        false,
        moves(surroundings == null ? null : surroundings.cpus(), pinning.cpusOrEmpty()),
        moves(surroundings == null ? null : surroundings.numaNodes(), pinning.numaNodesOrEmpty()));
  }

  private static Map<Integer, Integer> moves(
      @Nullable String pinnedTo, List<TargetReport.Pinning.Move> moves) {
    Map<Integer, Integer> all = new HashMap<>();
    if (pinnedTo != null) {
      IdSet.parse(pinnedTo).stream().forEach(id -> all.put(id, id));
    }
    moves.forEach(move -> all.put(move.from(), move.to()));
    return all;
  }

  /**
   * @param cores of this host
   * @param linkMegabitsPerSecond of its way to the target, if that is known
   */
  MemoryStream stream(int cores, OptionalInt linkMegabitsPerSecond) {
    boolean encrypted = target.transport() == PeerAddress.Transport.tls;
    return StreamChoice.choose(
        spec, postCopy, cores, linkMegabitsPerSecond, encrypted ? guest.memoryBytes() : 0);
  }
}
