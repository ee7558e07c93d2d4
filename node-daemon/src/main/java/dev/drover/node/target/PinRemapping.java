package dev.drover.node.target;

import dev.drover.node.hypervisor.HostTopology;
import dev.drover.node.hypervisor.IdSet;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds CPUs and NUMA nodes of this host for a guest that is pinned to others: one for one, so that
 * no two of its CPUs become one, and what was in one NUMA node is in one again. A CPU that is here,
 * too, is kept where that is possible; else one is taken that no other guest here is pinned to, if
 * there is one. Memory that was bound to two nodes is bound to two again. Pure.
 */
final class PinRemapping {
  /**
   * What the guest is pinned to on its present host.
   *
   * @param cpusOfNode its CPUs by the source's NUMA node; a node may have none of them
   * @param numaNodes that its memory is bound to
   */
  record Wanted(Map<Integer, IdSet> cpusOfNode, IdSet numaNodes) {
    Wanted {
      cpusOfNode = Map.copyOf(cpusOfNode);
    }
  }

  /** What takes the place of what, for each CPU and node. */
  record Found(Map<Integer, Integer> cpus, Map<Integer, Integer> numaNodes) {}

  private final HostTopology host;

  /** CPUs that other guests have, or that the guest may keep. */
  private final IdSet taken;

  private final Map<Integer, Integer> cpus = new HashMap<>();
  private final Map<Integer, Integer> nodes = new HashMap<>();
  private IdSet used = IdSet.EMPTY;

  private PinRemapping(HostTopology host, IdSet taken) {
    this.host = host;
    this.taken = taken;
  }

  /**
   * @param taken CPUs of this host that other guests are pinned to
   * @return empty if this host has not enough
   */
  static Optional<Found> find(Wanted wanted, HostTopology host, IdSet taken) {
    IdSet avoided = taken;
    for (IdSet cpus : wanted.cpusOfNode().values()) {
      avoided = avoided.and(cpus);
    }
    return new PinRemapping(host, avoided).find(wanted);
  }

  private Optional<Found> find(Wanted wanted) {
    List<Integer> groups =
        new ArrayList<>(
            IntStream.concat(
                    wanted.cpusOfNode().keySet().stream().mapToInt(Integer::intValue),
                    wanted.numaNodes().stream())
                .distinct()
                .boxed()
                .toList());
    // The largest first: a small one finds room anywhere.
    groups.sort(
        Comparator.<Integer>comparingInt(g -> -cpusOf(wanted, g).size())
            .thenComparing(Comparator.naturalOrder()));
    boolean memoryIsBound = !wanted.numaNodes().isEmpty();
    for (int group : groups) {
      @Nullable Integer node = nodeFor(group, cpusOf(wanted, group), memoryIsBound);
      if (node == null) {
        return Optional.empty();
      }
      nodes.put(group, node);
      place(cpusOf(wanted, group), node);
    }
    Map<Integer, Integer> bound = new HashMap<>();
    wanted.numaNodes().stream().forEach(node -> bound.put(node, nodes.get(node)));
    return Optional.of(new Found(Map.copyOf(cpus), Map.copyOf(bound)));
  }

  private static IdSet cpusOf(Wanted wanted, int group) {
    return wanted.cpusOfNode().getOrDefault(group, IdSet.EMPTY);
  }

  private @Nullable Integer nodeFor(int group, IdSet needed, boolean mustBeItsOwn) {
    return host.numaNodes().stream()
        .boxed()
        .filter(node -> !mustBeItsOwn || !nodes.containsValue(node))
        .filter(node -> free(node).size() >= needed.size())
        .max(
            Comparator.<Integer>comparingInt(node -> free(node).within(needed).size())
                .thenComparing(node -> node == group)
                .thenComparing(node -> free(node).without(taken).size())
                .thenComparing(Comparator.reverseOrder()))
        .orElse(null);
  }

  private IdSet free(int node) {
    return host.cpusOf(node).without(used);
  }

  private void place(IdSet needed, int node) {
    IdSet kept = needed.within(free(node));
    kept.stream().forEach(cpu -> take(cpu, cpu));
    needed.without(kept).stream()
        .forEach(
            cpu -> {
              IdSet free = free(node);
              IdSet better = free.without(taken);
              take(cpu, (better.isEmpty() ? free : better).stream().findFirst().orElseThrow());
            });
  }

  private void take(int there, int here) {
    cpus.put(there, here);
    used = used.and(IdSet.of(IntStream.of(here)));
  }
}
