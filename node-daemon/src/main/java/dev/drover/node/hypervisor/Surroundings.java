package dev.drover.node.hypervisor;

import java.util.List;

/**
 * What a guest's definition says of its host, and another host must have too.
 *
 * @param autostart whether libvirt starts it when the host boots
 * @param cpus that it, its vCPUs or its threads are pinned to; empty if they aren't
 * @param numaNodes that its memory is bound to; empty if it isn't
 * @param bridges bridges, and devices of the host (macvtap), that its network cards are on
 * @param hugePages that its memory is made of; empty if it is made of ordinary ones
 */
public record Surroundings(
    boolean autostart,
    IdSet cpus,
    IdSet numaNodes,
    List<String> bridges,
    List<HugePages> hugePages) {
  public static final Surroundings NONE =
      new Surroundings(false, IdSet.EMPTY, IdSet.EMPTY, List.of());

  /** Of a guest with ordinary pages. */
  public Surroundings(boolean autostart, IdSet cpus, IdSet numaNodes, List<String> bridges) {
    this(autostart, cpus, numaNodes, bridges, List.of());
  }

  public Surroundings {
    bridges = List.copyOf(bridges);
    hugePages = List.copyOf(hugePages);
  }
}
