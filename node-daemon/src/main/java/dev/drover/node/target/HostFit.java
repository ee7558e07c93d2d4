package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Surroundings;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.IdSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whether this host has what the guest's definition says of its host: the CPUs and NUMA nodes that
 * it is pinned to, the bridges that its cards are on. A guest is never quietly put onto fewer CPUs
 * than it was given: whoever has pinned it knows why.
 */
final class HostFit {
  private final Hypervisor hypervisor;
  private final NodeLimits node;

  HostFit(Hypervisor hypervisor, NodeLimits node) {
    this.hypervisor = hypervisor;
    this.node = node;
  }

  /** All that is missing here. */
  List<Blocker> missing(@Nullable Surroundings guest) throws HypervisorException {
    if (guest == null) {
      return List.of(); // of an older daemon
    }
    List<Blocker> missing = new ArrayList<>();
    if (guest.cpus() != null || guest.numaNodes() != null) {
      var here = hypervisor.topology();
      pinning("CPUs", guest.cpus(), here.cpus(), missing);
      pinning("NUMA nodes", guest.numaNodes(), here.numaNodes(), missing);
    }
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
