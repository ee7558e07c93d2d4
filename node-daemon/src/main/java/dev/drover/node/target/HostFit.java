package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigrationSpec.Pins;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Surroundings;
import dev.drover.api.v1alpha1.TargetReport.Pinning;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.IdSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Whether this host has what the guest's definition says of its host: the CPUs and NUMA nodes that
 * it is pinned to, the bridges that its cards are on. A guest is never quietly put onto fewer CPUs
 * than it was given: whoever has pinned it knows why. With {@code pins: Remap} others take their
 * place, one for one, and the report says which.
 */
final class HostFit {
  private final Hypervisor hypervisor;
  private final NodeLimits node;

  HostFit(Hypervisor hypervisor, NodeLimits node) {
    this.hypervisor = hypervisor;
    this.node = node;
  }

  /**
   * What becomes of the guest's pins; empty if they stay.
   *
   * @param blockers gets what is in the way of that
   */
  Optional<Pinning> pinning(@Nullable Surroundings guest, Pins policy, List<Blocker> blockers)
      throws HypervisorException {
    if (guest == null || (guest.cpus() == null && guest.numaNodes() == null)) {
      return Optional.empty();
    }
    switch (policy) {
      case Keep -> {
        var here = hypervisor.topology();
        pinning("CPUs", guest.cpus(), here.cpus(), blockers);
        pinning("NUMA nodes", guest.numaNodes(), here.numaNodes(), blockers);
        return Optional.empty();
      }
      case Drop -> {
        return Optional.of(Pinning.DROPPED);
      }
      case Remap -> {
        var found = remapped(guest);
        if (found.isEmpty()) {
          blockers.add(
              Blocker.of(
                  Reason.PinningMismatch,
                  "the guest is pinned to CPUs %s and NUMA nodes %s; this host (CPUs %s, NUMA nodes %s) has not as many to take their place"
                      .formatted(
                          guest.cpus() == null ? "(none)" : guest.cpus(),
                          guest.numaNodes() == null ? "(none)" : guest.numaNodes(),
                          hypervisor.topology().cpus(),
                          hypervisor.topology().numaNodes())));
        }
        return found;
      }
    }
    throw new IllegalStateException("no policy " + policy);
  }

  private Optional<Pinning> remapped(Surroundings guest) throws HypervisorException {
    Map<Integer, IdSet> cells = new HashMap<>();
    try {
      for (Surroundings.Cell cell : guest.cellsOrEmpty()) {
        cells.put(cell.numaNode(), IdSet.parse(cell.cpus()));
      }
      IdSet placed = cells.values().stream().reduce(IdSet.EMPTY, IdSet::and);
      if (guest.cpus() != null && !IdSet.parse(guest.cpus()).without(placed).isEmpty()) {
        return Optional.empty(); // of a daemon that knows nothing of this
      }
      return PinRemapping.find(
              new PinRemapping.Wanted(
                  cells, guest.numaNodes() == null ? IdSet.EMPTY : IdSet.parse(guest.numaNodes())),
              hypervisor.topology(),
              hypervisor.pinnedCpus())
          .map(found -> new Pinning(null, moves(found.cpus()), moves(found.numaNodes())));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // what can't be understood can't be re-mapped
    }
  }

  /** Those that change, in order; null if none does. */
  private static @Nullable List<Pinning.Move> moves(Map<Integer, Integer> all) {
    var moves =
        all.entrySet().stream()
            .filter(move -> !move.getKey().equals(move.getValue()))
            .sorted(Map.Entry.comparingByKey())
            .map(move -> new Pinning.Move(move.getKey(), move.getValue()))
            .toList();
    return moves.isEmpty() ? null : moves;
  }

  /** All that is missing here, pins aside. */
  List<Blocker> missing(@Nullable Surroundings guest) throws HypervisorException {
    if (guest == null) {
      return List.of(); // of an older daemon
    }
    List<Blocker> missing = new ArrayList<>();
    if (!guest.bridgesOrEmpty().isEmpty()) {
      Map<String, String> instead = node.bridges();
      guest.bridgesOrEmpty().forEach(bridge -> bridge(bridge, instead, missing));
    }
    return missing;
  }

  private static void pinning(
      String what, @Nullable String wanted, IdSet here, List<Blocker> missing) {
    if (wanted == null) {
      return;
    }
    try {
      var absent = IdSet.parse(wanted).without(here);
      if (!absent.isEmpty()) {
        missing.add(
            Blocker.of(
                Reason.PinningMismatch,
                "the guest is pinned to %s %s; this host has %s, and not %s"
                    .formatted(what, wanted, here, absent)));
      }
    } catch (IllegalArgumentException e) {
      missing.add(
          Blocker.of(
              Reason.PinningMismatch,
              "the guest is pinned to %s %s, which can't be understood".formatted(what, wanted)));
    }
  }

  private void bridge(String name, Map<String, String> instead, List<Blocker> missing) {
    var there = instead.getOrDefault(name, name);
    if (!hypervisor.hasInterface(there)) {
      missing.add(
          Blocker.of(
              Reason.NetworkMissing,
              there.equals(name)
                  ? "the guest is on bridge %s; there is none here, and spec.bridges names no other"
                      .formatted(name)
                  : "the guest is on bridge %s, for which spec.bridges names %s; that is not here"
                      .formatted(name, there)));
    }
  }
}
