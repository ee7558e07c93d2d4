package dev.drover.node.hypervisor;

import java.util.List;

/**
 * What a guest's definition says of its host, and another host must have too.
 *
 * @param autostart whether libvirt starts it when the host boots
 * @param cpus that it, its vCPUs or its threads are pinned to; empty if they aren't
 * @param numaNodes that its memory is bound to; empty if it isn't
 * @param bridges bridges, and devices of the host (macvtap), that its network cards are on
 */
public record Surroundings(boolean autostart, IdSet cpus, IdSet numaNodes, List<String> bridges) {
  public static final Surroundings NONE =
      new Surroundings(false, IdSet.EMPTY, IdSet.EMPTY, List.of());

  public Surroundings {
    bridges = List.copyOf(bridges);
  }
}
