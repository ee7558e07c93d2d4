package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.Text;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Peer;
import dev.drover.operator.migration.Placement;
import dev.drover.operator.migration.Progress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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
      return missing(context, context.sourceNode())
          .orElseGet(() -> Progress.quiet(context.leftOf(MigrationContext.DAEMON_DEADLINE)));
    }
    SourceReport source = context.source().get();
    return switch (source.state()) {
      case Inspected -> target(context);
      case Refused, Stopped, GuestLost ->
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
          : next(
              context,
              Reason.DaemonNotResponding.name(),
              "The daemon of " + node + " has not answered within 60 s.");
    }
    TargetReport target = context.target().get();
    return switch (target.state()) {
      case Checked, Reserved ->
          Progress.become(
              Phase.Reservation,
              Reason.Reserving,
              node + " takes what the guest needs.",
              Changes.NONE);
      case Refused, Clean -> next(context, target.reason(), target.message());
    };
  }

  private static Optional<Progress> missing(MigrationContext context, String node) {
    return context.leftOf(MigrationContext.DAEMON_DEADLINE).isPositive()
        ? Optional.empty()
        : Optional.of(
            Progress.fail(
                context,
                Reason.DaemonNotResponding,
                "The daemon of " + node + " has not answered within 60 s.",
                node));
  }

  /** The present target is out; the next one is asked, if any may be. */
  private static Progress next(MigrationContext context, String reason, @Nullable String message) {
    String out = context.targetNode();
    if (context.spec().targetNodeName() != null) {
      return Progress.failAsReported(context, reason, message, out);
    }
    String text = message == null ? reason : message;
    List<Candidate> before =
        context.status().candidates() == null ? List.of() : context.status().candidates();
    List<Candidate> tried =
        Placement.merge(before, List.of(new Candidate(out, reason, Text.limit(text, 1024))));
    Set<String> exclude = tried.stream().map(Candidate::nodeName).collect(Collectors.toSet());
    Placement placement = Placement.choose(context, context.sourceNode(), exclude);
    Changes changes = Changes.NONE.candidates(Placement.merge(tried, placement.rejected()));
    if (placement.chosen().isPresent()) {
      String chosen = placement.chosen().get();
      return Progress.become(
          Phase.PreMigration,
          Reason.Checking,
          context.sourceNode() + " and " + chosen + " check that the migration can work.",
          changes.retargeted(chosen));
    }
    boolean othersMayStill = !placement.full().isEmpty() || !placement.away().isEmpty();
    Duration left = context.leftOf(MigrationContext.DAEMON_DEADLINE);
    if (othersMayStill && left.isPositive()) {
      return Progress.waitFor(
          Reason.NoFreeSlot,
          "The hosts that are left have no free slot, or are away.",
          left,
          changes);
    }
    List<Candidate> all = changes.candidates() == null ? tried : changes.candidates();
    return all.size() == 1
        ? Progress.failAsReported(context, reason, text, out)
        : Progress.fail(
            context,
            Reason.NoSuitableTarget,
            all.stream()
                .map(c -> c.nodeName() + ": " + (c.message() == null ? c.reason() : c.message()))
                .collect(Collectors.joining("; ")),
            null,
            changes);
  }
}
