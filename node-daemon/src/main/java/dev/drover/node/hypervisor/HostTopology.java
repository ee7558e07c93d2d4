package dev.drover.node.hypervisor;

import java.util.Map;

/**
 * The CPUs and NUMA nodes that a host has.
 *
 * @param cpusOfNode which CPU is in which node
 */
public record HostTopology(IdSet cpus, IdSet numaNodes, Map<Integer, IdSet> cpusOfNode) {
  public HostTopology {
    cpusOfNode = Map.copyOf(cpusOfNode);
  }

  /** The CPUs of that node. */
  public IdSet cpusOf(int node) {
    return cpusOfNode.getOrDefault(node, IdSet.EMPTY);
  }
}
