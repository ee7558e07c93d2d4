package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Surroundings;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The host has the CPUs 0-3, NUMA node 0 and a bridge br0. */
class HostFitTest {
  private final FakeHypervisor host = new FakeHypervisor(InstantSource.system());

  private List<String> missing(Surroundings guest, Map<String, String> bridges)
      throws HypervisorException {
    host.putInterface("br0");
    var node =
        new NodeLimits() {
          @Override
          public int maxIncoming() {
            return 1;
          }

          @Override
          public Map<String, String> bridges() {
            return bridges;
          }
        };
    return new HostFit(host, node).missing(guest).stream().map(Blocker::reason).toList();
  }

  private static Surroundings guest(
      @Nullable String cpus, @Nullable String nodes, String... bridges) {
    return new Surroundings(false, cpus, nodes, List.of(bridges));
  }

  @Test
  void whatIsHereFits() throws HypervisorException {
    assertThat(missing(guest("0,2-3", "0", "br0"), Map.of())).isEmpty();
  }

  @Test
  void pinsThatDoNotFitAreRefused() throws HypervisorException {
    assertThat(missing(guest("0-4", null), Map.of()))
        .containsExactly(Reason.PinningMismatch.name());
    assertThat(missing(guest(null, "0-1"), Map.of()))
        .containsExactly(Reason.PinningMismatch.name());
    assertThat(missing(guest("all", null), Map.of()))
        .containsExactly(Reason.PinningMismatch.name());
  }

  @Test
  void aBridgeThatIsNotHereIsRefusedUnlessAnotherTakesItsPlace() throws HypervisorException {
    var guest = guest(null, null, "office");
    assertThat(missing(guest, Map.of())).containsExactly(Reason.NetworkMissing.name());
    assertThat(missing(guest, Map.of("office", "br0"))).isEmpty();
    assertThat(missing(guest, Map.of("office", "br7")))
        .containsExactly(Reason.NetworkMissing.name());
  }
}
