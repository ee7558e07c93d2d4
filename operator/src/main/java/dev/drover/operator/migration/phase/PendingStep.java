package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationSpec.Shutdown;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Attempt;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.migration.Attempts;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.NodeFacts;
import dev.drover.operator.migration.Peer;
import dev.drover.operator.migration.Placement;
import dev.drover.operator.migration.Progress;
import dev.drover.operator.migration.Slots;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds the virtual machine, its host and a target, and a free slot at either end. */
final class PendingStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    if (context.phase() != Phase.Pending) {
      return Progress.proceed();
    }
    return notYet(context).orElseGet(() -> begin(context));
  }

  /** It is not due yet, or its retry was taken back. */
  private static Optional<Progress> notYet(MigrationContext context) {
    int number = context.status().attemptNumber();
    Optional<Attempt> previous = Attempts.previous(context);
    if (previous.isPresent() && !Attempts.mayGoOn(context, number)) {
      Attempt last = previous.get();
      return Optional.of(
          Progress.failAsReported(context, last.reason(), last.message(), last.targetNode()));
    }
    Optional<Instant> held = context.heldUntil().filter(context.now()::isBefore);
    if (held.isEmpty()) {
      return Optional.empty();
    }
    Instant due = held.get();
    Duration left = Duration.between(context.now(), due);
    boolean scheduled = context.spec().earliestStart().filter(due::equals).isPresent();
    String message =
        scheduled
            ? "Waiting until " + due + ", as spec.notBefore says."
            : "Attempt "
                + (number - 1)
                + " has failed"
                + previous.map(a -> " (" + a.reason() + ")").orElse("")
                + "; attempt "
                + number
                + " begins at "
                + due
                + ".";
    return Optional.of(
        Progress.waitFor(
            scheduled ? Reason.WaitingForNotBefore : Reason.WaitingToRetry,
            message,
            left,
            Changes.NONE.queued(null, List.of(message), Set.of())));
  }

  private static Progress begin(MigrationContext context) {
    String name = context.spec().virtualMachineName();
    if (context.machine().isEmpty()) {
      return Progress.fail(
          context,
          Reason.VirtualMachineNotFound,
          "There is no VirtualMachine " + name + " in this namespace.",
          null);
    }
    VirtualMachine machine = context.machine().get();
    Optional<Peer> rival =
        context.rivals().stream().filter(p -> p.hasRightBefore(context.self())).findFirst();
    if (rival.isPresent()) {
      return Progress.fail(
          context,
          Reason.MigrationInProgress,
          "LiveMigration " + rival.get().name() + " is moving " + name + ".",
          null);
    }
    List<Sighting> sightings = context.sightings();
    List<String> running = nodes(sightings, State.Running);
    List<String> paused = nodes(sightings, State.Paused);
    if (running.size() > 1) {
      return Progress.fail(
          context,
          Reason.SplitBrain,
          name + " runs on " + String.join(" and ", running) + ".",
          null);
    }
    String wanted = context.spec().sourceNodeName();
    boolean active = !running.isEmpty() || !paused.isEmpty();
    if (context.spec().cold() && !active) {
      return placeShutOff(context, machine, nodes(sightings, State.ShutOff), wanted);
    }
    if (running.isEmpty() && paused.size() != 1) {
      return Progress.fail(
          context,
          Reason.VirtualMachineNotRunning,
          paused.isEmpty()
              ? name
                  + " is neither running nor paused on any host; one that is shut off moves with"
                  + " mode: Cold."
              : name + " is paused on " + String.join(" and ", paused) + ", running on none.",
          null);
    }
    String source = running.isEmpty() ? paused.getFirst() : running.getFirst();
    if (context.spec().cold()
        && (running.isEmpty() || context.spec().shutdownOrDefault() == Shutdown.Never)) {
      return Progress.fail(
          context,
          Reason.VirtualMachineRunning,
          running.isEmpty()
              ? name + " is paused on " + source + "; resume it or shut it off, or use mode: Live."
              : name
                  + " runs on "
                  + source
                  + "; shut it down, use shutdown: Graceful, or use mode: Live.",
          source);
    }
    if (wanted != null && !wanted.equals(source)) {
      return Progress.fail(
          context,
          Reason.VirtualMachineNotOnSource,
          name + " is on " + source + ", not on " + wanted + ".",
          source);
    }
    return place(context, machine, source);
  }

  /** A guest that runs nowhere is where it is defined. */
  private static Progress placeShutOff(
      MigrationContext context,
      VirtualMachine machine,
      List<String> defined,
      @Nullable String wanted) {
    String name = context.spec().virtualMachineName();
    if (wanted != null ? !defined.contains(wanted) : defined.isEmpty()) {
      return wanted != null && !defined.isEmpty()
          ? Progress.fail(
              context,
              Reason.VirtualMachineNotOnSource,
              name + " is on " + String.join(" and ", defined) + ", not on " + wanted + ".",
              defined.getFirst())
          : Progress.fail(
              context,
              Reason.VirtualMachineNotRunning,
              name + " is neither running, paused nor shut off on any host.",
              null);
    }
    if (wanted == null && defined.size() > 1) {
      return Progress.fail(
          context,
          Reason.VirtualMachineDefinedTwice,
          name + " is shut off, and defined on " + String.join(" and ", defined) + ".",
          null);
    }
    return place(context, machine, wanted == null ? defined.getFirst() : wanted);
  }

  private static Progress place(MigrationContext context, VirtualMachine machine, String source) {
    String target = context.spec().targetNodeName();
    if (source.equals(target)) {
      return Progress.fail(
          context,
          Reason.TargetIsSource,
          machine.getMetadata().getName() + " is on " + source + " already.",
          source);
    }
    if (target != null && !context.nodes().containsKey(target)) {
      return Progress.fail(
          context, Reason.TargetNotFound, "There is no HypervisorNode " + target + ".", target);
    }
    NodeFacts sourceNode = context.nodes().get(source);
    Duration sourceFor =
        sourceNode == null
            ? Duration.between(context.now(), context.dueAt().plus(MigrationContext.NODE_GRACE))
            : Placement.graceLeft(context, sourceNode);
    boolean sourceReady = sourceNode != null && sourceNode.ready();
    if (!sourceReady && !sourceFor.isPositive()) {
      return Progress.fail(
          context,
          Reason.SourceNotReady,
          sourceNode == null
              ? "There is no HypervisorNode " + source + "."
              : sourceNode.readiness().message(),
          source);
    }
    Placement placement = Placement.choose(context, source, Attempts.forbiddenTargets(context));
    Changes changes =
        placement.rejected().isEmpty()
            ? Changes.NONE
            : Changes.NONE.candidates(placement.rejected());
    Slots slots = new Slots(context);
    boolean sourceFree = sourceNode != null && slots.outgoingFree(sourceNode);
    if (placement.chosen().isPresent()
        && sourceReady
        && (sourceFree || context.spec().dryRunRequested())) {
      String chosen = placement.chosen().get();
      return Progress.become(
          Phase.PreMigration,
          Reason.Checking,
          source + " and " + chosen + " check that the migration can work.",
          forgettingCandidates(context).placed(source, chosen, machine.getSpec().domainUuid()));
    }
    return waitFor(context, placement, changes, sourceNode, source, sourceFor, slots);
  }

  /** Who was out while it waited is looked at again before it is over. */
  private static Changes forgettingCandidates(MigrationContext context) {
    return context.status().candidates() == null
        ? Changes.NONE
        : Changes.NONE.candidates(List.of());
  }

  private static Progress waitFor(
      MigrationContext context,
      Placement placement,
      Changes changes,
      @Nullable NodeFacts sourceNode,
      String source,
      Duration sourceFor,
      Slots slots) {
    List<String> reasons = new ArrayList<>();
    Set<String> wanted = new LinkedHashSet<>();
    Duration recheck = MigrationContext.NODE_GRACE;
    boolean away = false;
    if (sourceNode == null || !sourceNode.ready()) {
      away = true;
      recheck = sourceFor;
      reasons.add(
          sourceNode == null
              ? "There is no HypervisorNode " + source + " yet."
              : sourceNode.readiness().message());
    } else if (!slots.outgoingFree(sourceNode) && !context.spec().dryRunRequested()) {
      wanted.add(Slots.outgoingOf(source));
      reasons.add(
          source + " may have " + sourceNode.maxOutgoing() + " outgoing migrations at once.");
    }
    if (placement.chosen().isEmpty()) {
      if (placement.full().isEmpty() && placement.away().isEmpty()) {
        return none(context, placement, changes);
      }
      for (NodeFacts node : placement.away()) {
        reasons.add(node.readiness().message());
      }
      if (!placement.away().isEmpty()) {
        away = true;
        recheck = shorter(recheck, placement.awayFor());
      }
      for (String full : placement.full()) {
        wanted.add(Slots.incomingOf(full));
        NodeFacts node = context.nodes().get(full);
        reasons.add(
            full
                + " may have "
                + (node == null ? 0 : node.maxIncoming())
                + " incoming migrations at once.");
      }
    }
    Integer position = wanted.isEmpty() ? null : slots.position(wanted);
    Changes queued = changes.queued(position, reasons, wanted);
    String message = "Waiting: " + String.join(" ", reasons);
    Reason reason =
        !wanted.isEmpty()
            ? Reason.NoFreeSlot
            : sourceNode == null || !sourceNode.ready()
                ? Reason.SourceNotReady
                : Reason.TargetNotReady;
    return away
        ? Progress.waitFor(reason, message, recheck, queued)
        : Progress.waitFor(reason, message, queued);
  }

  private static Progress none(MigrationContext context, Placement placement, Changes changes) {
    String named = context.spec().targetNodeName();
    if (named != null && !placement.rejected().isEmpty()) {
      Candidate why = placement.rejected().getFirst();
      return Progress.fail(
          context,
          Reason.valueOf(why.reason()),
          why.message() == null ? why.reason() : why.message(),
          named,
          changes);
    }
    Set<String> tried = Attempts.forbiddenTargets(context);
    String message =
        placement.rejected().isEmpty() && !tried.isEmpty()
            ? "No host is left that no attempt has gone to yet ("
                + tried.stream().sorted().collect(Collectors.joining(", "))
                + " have been tried)."
            : placement.rejected().isEmpty()
                ? named == null
                    ? "No other hypervisor node matches spec.target."
                    : named + " does not carry the labels of spec.target.nodeSelector."
                : placement.rejected().stream()
                    .map(c -> c.message() == null ? c.reason() : c.message())
                    .collect(Collectors.joining(" "));
    return Progress.fail(context, Reason.NoSuitableTarget, message, null, changes);
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private static List<String> nodes(List<Sighting> sightings, State state) {
    return sightings.stream()
        .filter(s -> s.state() == state)
        .map(Sighting::nodeName)
        .sorted()
        .toList();
  }
}
