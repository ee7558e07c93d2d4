package dev.drover.node.hypervisor;

import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * What becomes of a guest's pins at the target.
 *
 * @param dropped it is pinned to nothing there
 * @param cpus the target's CPU for each of the source's that the guest is pinned to; one that is
 *     not in there is no CPU of the source, and goes
 * @param numaNodes the same of NUMA nodes
 */
public record Pins(boolean dropped, Map<Integer, Integer> cpus, Map<Integer, Integer> numaNodes) {
  public static final Pins DROPPED = new Pins(true, Map.of(), Map.of());

  public Pins {
    cpus = Map.copyOf(cpus);
    numaNodes = Map.copyOf(numaNodes);
  }

  /** Those of the target that take the place of these CPUs. */
  public IdSet cpusFor(IdSet there) {
    return image(there, cpus);
  }

  /** Those of the target that take the place of these NUMA nodes. */
  public IdSet numaNodesFor(IdSet there) {
    return image(there, numaNodes);
  }

  private static IdSet image(IdSet ids, Map<Integer, Integer> moves) {
    return IdSet.of(
        ids.stream()
            .boxed()
            .flatMapToInt(
                id -> {
                  Integer here = moves.get(id);
                  return here == null
                      ? IntStream.empty()
                      : IntStream.of(Objects.requireNonNull(here));
                }));
  }
}
