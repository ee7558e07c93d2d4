package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.HostTopology;
import dev.drover.node.hypervisor.IdSet;
import dev.drover.node.target.PinRemapping.Found;
import dev.drover.node.target.PinRemapping.Wanted;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** One for one, what was in one NUMA node in one again, and never fewer. */
class PinRemappingTest {
  private static final HostTopology SMALL =
      new HostTopology(ids("0-3"), ids("0"), Map.of(0, ids("0-3")));
  private static final HostTopology TWO_NODES =
      new HostTopology(ids("0-7"), ids("0-1"), Map.of(0, ids("0,2,4,6"), 1, ids("1,3,5,7")));

  private static IdSet ids(String text) {
    return IdSet.parse(text);
  }

  private static Optional<Found> find(
      Map<Integer, IdSet> cpusOfNode, String numaNodes, HostTopology host, String taken) {
    return PinRemapping.find(new Wanted(cpusOfNode, ids(numaNodes)), host, ids(taken));
  }

  @Test
  void whatIsHereIsKeptAndTheRestGoesWhereNobodyIs() {
    assertThat(find(Map.of(0, ids("2-4")), "", SMALL, "0"))
        .contains(new Found(Map.of(2, 2, 3, 3, 4, 1), Map.of()));
  }

  @Test
  void whereEveryCpuIsTakenOneIsShared() {
    assertThat(find(Map.of(0, ids("9")), "", SMALL, "0-3"))
        .contains(new Found(Map.of(9, 0), Map.of()));
  }

  @Test
  void fourCpusNeverBecomeThree() {
    assertThat(find(Map.of(0, ids("4-8")), "", SMALL, "")).isEmpty();
    assertThat(find(Map.of(0, ids("0-3"), 1, ids("4")), "", SMALL, "")).isEmpty();
  }

  @Test
  void aNodeStaysTogether() {
    // At the source 0-3 were one node; here they are spread over two.
    assertThat(find(Map.of(0, ids("0-3")), "0", TWO_NODES, ""))
        .hasValueSatisfying(
            found -> {
              assertThat(found.cpus().values()).containsExactlyInAnyOrder(0, 2, 4, 6);
              assertThat(found.cpus()).containsEntry(0, 0).containsEntry(2, 2);
              assertThat(found.numaNodes()).isEqualTo(Map.of(0, 0));
            });
  }

  @Test
  void memoryOfTwoNodesIsOfTwoNodesAgain() {
    assertThat(find(Map.of(2, ids("8-9"), 3, ids("12-13")), "2-3", TWO_NODES, "0-1"))
        .hasValueSatisfying(
            found -> {
              assertThat(found.numaNodes()).isEqualTo(Map.of(2, 0, 3, 1));
              assertThat(found.cpus()).isEqualTo(Map.of(8, 2, 9, 4, 12, 3, 13, 5));
            });
    assertThat(find(Map.of(2, ids("8"), 3, ids("9")), "2-3", SMALL, "")).isEmpty();
    assertThat(find(Map.of(), "1", SMALL, "")).contains(new Found(Map.of(), Map.of(1, 0)));
  }

  @Test
  void cpusOfTwoNodesMayShareOneIfMemoryIsNotBound() {
    assertThat(find(Map.of(0, ids("0"), 1, ids("9")), "", SMALL, ""))
        .contains(new Found(Map.of(0, 0, 9, 1), Map.of()));
  }
}
