package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationSpec.Pins;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Surroundings;
import dev.drover.api.v1alpha1.TargetReport.Pinning;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    var fit = new HostFit(host, node);
    List<Blocker> blockers = new ArrayList<>(fit.missing(guest));
    assertThat(fit.pinning(guest, Pins.Keep, blockers)).isEmpty();
    return blockers.stream().map(Blocker::reason).toList();
  }

  private Optional<Pinning> pinning(Surroundings guest, Pins policy, List<Blocker> blockers)
      throws HypervisorException {
    return new HostFit(host, () -> 1).pinning(guest, policy, blockers);
  }

  /** CPU 1 is another guest's. */
  @Test
  void pinsAreRemappedOrDroppedWhereThatIsAskedFor() throws HypervisorException {
    List<Blocker> blockers = new ArrayList<>();
    var guest =
        new Surroundings(false, "0,8", "1", null, null, List.of(new Surroundings.Cell(1, "0,8")));
    var remapped = pinning(guest, Pins.Remap, blockers);
    assertThat(remapped)
        .contains(
            new Pinning(null, List.of(new Pinning.Move(8, 2)), List.of(new Pinning.Move(1, 0))));
    assertThat(remapped.map(TargetReports::words)).contains("; CPU 2 for 8; NUMA node 0 for 1");
    assertThat(pinning(guest, Pins.Drop, blockers)).contains(Pinning.DROPPED);
    assertThat(pinning(guest(null, null), Pins.Drop, blockers)).isEmpty();
    assertThat(blockers).isEmpty();
    assertThat(
            pinning(
                new Surroundings(
                    false, "4-9", null, null, null, List.of(new Surroundings.Cell(0, "4-9"))),
                Pins.Remap,
                blockers))
        .isEmpty();
    assertThat(blockers)
        .singleElement()
        .extracting(Blocker::reason)
        .isEqualTo(Reason.PinningMismatch.name());
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
  void aSourceThatDoesNotTellItsNodesCanNotBeRemappedFrom() throws HypervisorException {
    List<Blocker> blockers = new ArrayList<>();
    assertThat(pinning(guest("8-9", null), Pins.Remap, blockers)).isEmpty();
    assertThat(blockers).hasSize(1);
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
