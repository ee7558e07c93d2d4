package dev.drover.operator.vm;

import static dev.drover.operator.migration.Facts.sighting;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.migration.Facts;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MachineViewTest {
  private Set<String> fenced = Set.of();
  private final VirtualMachine machine = Facts.machine("vm", List.of());

  @Test
  void runs() {
    see(null, sighting("hv1", State.Running));
    assertThat(words()).isEqualTo("hv1 True SeenRunning False");
  }

  @Test
  void isPaused() {
    see(null, sighting("hv1", State.Paused), sighting("hv2", State.Incoming));
    assertThat(words()).isEqualTo("hv1 False SeenPaused False");
  }

  @Test
  void isOff() {
    see("hv1", sighting("hv1", State.ShutOff));
    assertThat(words()).isEqualTo("null False SeenShutOff False");
  }

  @Test
  void isGone() {
    see("hv1");
    assertThat(words()).isEqualTo("null False NotSeen False");
  }

  @Test
  void runsTwice() {
    see("hv2", sighting("hv1", State.Running), sighting("hv2", State.Running));
    assertThat(words()).isEqualTo("hv2 True SeenRunning True");
  }

  @Test
  void staysWhereItWasWhileItIsBetweenTwoHosts() {
    see(null, sighting("hv1", State.Running));
    machine.setStatus(derive(Optional.empty(), true));
    see("hv1", sighting("hv1", State.Outgoing), sighting("hv2", State.Incoming));
    assertThat(words(derive(Optional.of(Phase.PreCopy), true)))
        .isEqualTo("hv1 True SeenRunning False");
    see("hv1", sighting("hv2", State.Paused));
    assertThat(words(derive(Optional.of(Phase.PreCopy), true)))
        .isEqualTo("hv1 True SeenRunning False");
    see("hv1", sighting("hv2", State.Running));
    assertThat(words(derive(Optional.of(Phase.PreCopy), true)))
        .isEqualTo("hv2 True SeenRunning False");
  }

  @Test
  void aSightingThatOutlivesTheSwitchoverForAMomentIsNoSplitBrain() {
    see(null, sighting("hv1", State.Running));
    machine.setStatus(derive(Optional.empty(), true));
    see("hv1", sighting("hv1", State.Running), sighting("hv2", State.Running));
    assertThat(words(derive(Optional.of(Phase.PreCopy), false)))
        .isEqualTo("hv1 True SeenRunning False");
    assertThat(words(derive(Optional.of(Phase.PreCopy), true)))
        .isEqualTo("hv1 True SeenRunning True");
    assertThat(words(derive(Optional.empty(), false))).isEqualTo("hv1 True SeenRunning True");
  }

  @Test
  void aFencedHostSeesNothing() {
    see("hv1", sighting("hv1", State.Running), sighting("hv2", State.Running));
    assertThat(words()).isEqualTo("hv1 True SeenRunning True");
    fenced = Set.of("hv1");
    assertThat(words()).isEqualTo("hv2 True SeenRunning False");
    fenced = Set.of("hv1", "hv2");
    assertThat(words()).isEqualTo("null False NotSeen False");
  }

  private void see(String nodeName, Sighting... sightings) {
    machine.setStatus(
        new VirtualMachineStatus(
            nodeName,
            machine.getStatus() == null ? null : machine.getStatus().conditions(),
            List.of(sightings)));
  }

  private VirtualMachineStatus derive(Optional<Phase> migration, boolean settled) {
    return MachineView.derive(machine, fenced, migration, settled, Facts.T0);
  }

  private String words() {
    return words(derive(Optional.empty(), true));
  }

  private static String words(VirtualMachineStatus status) {
    var running = MachineView.condition(status, ConditionType.Running);
    var split = MachineView.condition(status, ConditionType.SplitBrain);
    return status.nodeName()
        + " "
        + running.status()
        + " "
        + running.reason()
        + " "
        + split.status();
  }
}
