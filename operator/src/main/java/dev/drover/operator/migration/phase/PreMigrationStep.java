package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.operator.migration.Attempts;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Peer;
import dev.drover.operator.migration.Placement;
import dev.drover.operator.migration.Progress;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Both daemons check that it can work. A target that was not named may be replaced by the next. */
final class PreMigrationStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    if (context.phase() != Phase.PreMigration) {
      return Progress.proceed();
    }
    Optional<Peer> rival = context.rivals().stream().filter(p -> isAhead(context, p)).findFirst();
    if (rival.isPresent()) {
      // Only after a change of leader: within one process claims keep this from happening.
      return Progress.fail(
          context,
          Reason.MigrationInProgress,
          "LiveMigration " + rival.get().name() + " is moving the same virtual machine.",
          null);
    }
    if (context.source().isEmpty()) {
      return waitForSource(context);
    }
    SourceReport source = context.source().get();
    return switch (source.state()) {
      case Inspected ->
          context.spec().dryRunRequested()
              ? DryRun.afterInspection(context, source)
              : target(context);
      case Stopped ->
          context.spec().dryRunRequested()
              ? DryRun.afterCleanUp(context)
              : Progress.failAsReported(
                  context, source.reason(), source.message(), context.sourceNode());
      case Refused, GuestLost ->
          Progress.failAsReported(context, source.reason(), source.message(), context.sourceNode());
      case Transferring, Switching, PostCopying, Switched, HandOverPending, CleanedUp ->
          Progress.stalled(
              Reason.WaitingForDaemon,
              context.sourceNode()
                  + " says "
                  + source.state()
                  + ", which nobody has asked for; nothing is done until it says otherwise.");
    };
  }

  private static boolean isAhead(MigrationContext context, Peer rival) {
    return switch (rival.phase()) {
      case Pending -> false;
      case PreMigration -> rival.isOlderThan(context.self());
      default -> true;
    };
  }

  private static Progress target(MigrationContext context) {
    String node = context.targetNode();
    if (context.target().isEmpty()) {
      Duration left = context.leftOf(MigrationContext.DAEMON_DEADLINE);
      return left.isPositive()
          ? Progress.quiet(left)
          : next(context, List.of(Silence.ofTarget(context).blocker()));
    }
    TargetReport target = context.target().get();
    return switch (target.state()) {
      case Checked, Reserved ->
          Progress.become(
              Phase.Reservation,
              Reason.Reserving,
              node + " takes what the guest needs.",
              Changes.NONE);
      case Refused -> next(context, target.blockersOrEmpty());
      case Clean, Settled ->
          next(
              context,
              List.of(
                  Blocker.of(
                      Reason.CleaningUp, node + " says that the migration has ended there.")));
    };
  }

  private static Progress waitForSource(MigrationContext context) {
    Duration left = context.leftOf(MigrationContext.DAEMON_DEADLINE);
    if (left.isPositive()) {
      return Progress.quiet(left);
    }
    Silence silence = Silence.ofSource(context);
    return Progress.fail(context, silence.reason(), silence.message(), context.sourceNode());
  }

  /** The hosts that have been asked so far. */
  static List<Candidate> candidates(MigrationContext context) {
    List<Candidate> candidates = context.status().candidates();
    return candidates == null ? List.of() : candidates;
  }

  /** The present target is out; the next one is asked, if any may be. */
  private static Progress next(MigrationContext context, List<Blocker> blockers) {
    String out = context.targetNode();
    Candidate refused = Candidate.of(out, blockers);
    List<Candidate> asked = Placement.merge(candidates(context), List.of(refused));
    if (context.spec().targetNodeName() != null) {
      return noneFits(context, asked, Changes.NONE.candidates(asked));
    }
    Set<String> exclude =
        asked.stream().map(Candidate::nodeName).collect(Collectors.toCollection(HashSet::new));
    exclude.addAll(Attempts.forbiddenTargets(context));
    Placement placement = Placement.choose(context, context.sourceNode(), exclude);
    boolean mayAskMore = asked.size() < Changes.MAX_CANDIDATES;
    if (placement.chosen().isPresent() && mayAskMore) {
      String chosen = placement.chosen().get();
      return Progress.become(
          Phase.PreMigration,
          Reason.Checking,
          context.sourceNode() + " and " + chosen + " check that the migration can work.",
          Changes.NONE.candidates(asked).retargeted(chosen));
    }
    boolean othersMayStill =
        mayAskMore && (!placement.full().isEmpty() || !placement.away().isEmpty());
    Duration left = context.leftOf(MigrationContext.DAEMON_DEADLINE);
    if (othersMayStill && left.isPositive()) {
      return Progress.waitFor(
          Reason.NoFreeSlot,
          "The hosts that are left have no free slot, or are away.",
          left,
          Changes.NONE.candidates(asked));
    }
    List<Candidate> all = Placement.merge(asked, placement.rejected());
    return noneFits(context, all, Changes.NONE.candidates(all));
  }

  /** A host alone speaks for itself; of several, each is told. */
  static Progress noneFits(MigrationContext context, List<Candidate> all, Changes changes) {
    if (all.size() == 1) {
      Candidate only = all.getFirst();
      return Progress.failAsReported(
          context, only.reason(), only.message(), only.nodeName(), changes);
    }
    return Progress.fail(
        context,
        Reason.NoSuitableTarget,
        all.stream()
            .map(c -> c.nodeName() + ": " + (c.message() == null ? c.reason() : c.message()))
            .collect(Collectors.joining("; ")),
        null,
        changes);
  }
}
