package dev.drover.operator.vm;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the operator makes of the sightings. Pure. */
final class MachineView {
  private static final VirtualMachineStatus NONE = new VirtualMachineStatus(null, null, null);

  private MachineView() {}

  /** Only the operator's fields. */
  static VirtualMachineStatus owned(VirtualMachine machine) {
    VirtualMachineStatus status = status(machine);
    return new VirtualMachineStatus(
        status.nodeName(),
        status.conditions() == null
            ? null
            : status.conditions().stream()
                .filter(
                    c ->
                        c.type().equals(ConditionType.Running.name())
                            || c.type().equals(ConditionType.SplitBrain.name()))
                .toList(),
        null);
  }

  /**
   * @param blind hosts that see nothing any more, whatever they saw last
   * @param migration phase of the migration that is moving it, if any: between two hosts it keeps
   *     the place and state that it had
   * @param settled whether two running sightings have lasted: at a switchover the new host's may be
   *     written a moment before the old host's goes
   */
  static VirtualMachineStatus derive(
      VirtualMachine machine,
      Set<String> blind,
      Optional<Phase> migration,
      boolean settled,
      Instant now) {
    VirtualMachineStatus status = without(blind, status(machine));
    List<String> running = nodes(status, State.Running);
    List<String> paused = nodes(status, State.Paused);
    boolean moving = migration.map(Phase::isTransferring).orElse(false);
    String before = status.nodeName();
    if (running.size() > 1 && migration.isPresent() && !settled) {
      return owned(machine);
    }
    if (running.size() > 1) {
      String node = before != null && running.contains(before) ? before : running.getFirst();
      return build(
          machine,
          node,
          Condition.TRUE,
          Reason.SeenRunning,
          "Runs on " + node + ".",
          Optional.of("Runs on " + String.join(" and ", running) + "."),
          now);
    }
    if (running.isEmpty() && moving && status.conditions() != null) {
      return owned(machine);
    }
    if (running.size() == 1) {
      String node = running.getFirst();
      return build(
          machine,
          node,
          Condition.TRUE,
          Reason.SeenRunning,
          "Runs on " + node + ".",
          Optional.empty(),
          now);
    }
    if (!paused.isEmpty()) {
      String node = before != null && paused.contains(before) ? before : paused.getFirst();
      return build(
          machine,
          node,
          Condition.FALSE,
          Reason.SeenPaused,
          "Paused on " + node + ".",
          Optional.empty(),
          now);
    }
    List<Sighting> all = status.sightingsOrEmpty();
    boolean between =
        all.stream().anyMatch(s -> s.state() == State.Incoming || s.state() == State.Outgoing);
    return build(
        machine,
        between ? before : null,
        Condition.FALSE,
        all.isEmpty() ? Reason.NotSeen : Reason.SeenShutOff,
        all.isEmpty() ? Reason.NotSeen.meaning() : "Runs on no host.",
        Optional.empty(),
        now);
  }

  private static VirtualMachineStatus build(
      VirtualMachine machine,
      @Nullable String node,
      String running,
      Reason reason,
      String message,
      Optional<String> splitBrain,
      Instant now) {
    VirtualMachineStatus status = status(machine);
    Long generation = machine.getMetadata().getGeneration();
    return new VirtualMachineStatus(
        node,
        List.of(
            Condition.of(ConditionType.Running, running, reason, message, now, generation)
                .replacing(condition(status, ConditionType.Running)),
            Condition.of(
                    ConditionType.SplitBrain,
                    splitBrain.isPresent() ? Condition.TRUE : Condition.FALSE,
                    splitBrain.isPresent() ? Reason.SplitBrain : Reason.OneCopy,
                    splitBrain.orElse(Reason.OneCopy.meaning()),
                    now,
                    generation)
                .replacing(condition(status, ConditionType.SplitBrain))),
        null);
  }

  static @Nullable Condition condition(VirtualMachineStatus status, ConditionType type) {
    return status.conditions() == null
        ? null
        : status.conditions().stream()
            .filter(c -> c.type().equals(type.name()))
            .findFirst()
            .orElse(null);
  }

  static VirtualMachineStatus status(VirtualMachine machine) {
    return machine.getStatus() == null ? NONE : machine.getStatus();
  }

  /** Whether more than one host claims to run it. */
  static boolean isDouble(VirtualMachine machine, Set<String> blind) {
    return nodes(without(blind, status(machine)), State.Running).size() > 1;
  }

  private static VirtualMachineStatus without(Set<String> blind, VirtualMachineStatus status) {
    return new VirtualMachineStatus(
        status.nodeName(),
        status.conditions(),
        status.sightingsOrEmpty().stream().filter(s -> !blind.contains(s.nodeName())).toList());
  }

  private static List<String> nodes(VirtualMachineStatus status, State state) {
    return status.sightingsOrEmpty().stream()
        .filter(s -> s.state() == state)
        .map(Sighting::nodeName)
        .sorted()
        .toList();
  }
}
