package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;
import java.time.Duration;
import java.time.Instant;

/**
 * What the source's report means while it may be moving the guest. Only evidence from the source
 * says where the guest is; the three phases of the transfer read it in the same way.
 */
final class SourceEvidence {
  private SourceEvidence() {}

  static Progress read(MigrationContext context) {
    if (context.source().isEmpty()) {
      return notHeardOf(context);
    }
    SourceReport report = context.source().get();
    return switch (report.state()) {
      case Inspected -> notHeardOf(context);
      case Transferring -> Progress.quiet();
      case Switching ->
          follow(
              context, Phase.StopAndCopy, Reason.Switching, "The guest stands still to move over.");
      case PostCopying ->
          follow(
              context,
              Phase.PostCopy,
              Reason.PostCopying,
              "The guest runs at " + context.targetNode() + "; the rest of its memory follows.");
      case Switched, CleanedUp -> switched(context, report);
      case HandOverPending ->
          Progress.stalled(
              Reason.HandOverFailed,
              context.sourceNode()
                  + " has let go of the guest, and could not tell "
                  + context.targetNode()
                  + " to resume it; it keeps trying.");
      case Stopped, Refused, GuestLost ->
          Progress.failAsReported(context, report.reason(), report.message(), context.sourceNode());
    };
  }

  private static Progress follow(
      MigrationContext context, Phase phase, Reason reason, String message) {
    if (context.phase() == phase) {
      Duration left = context.leftOf(MigrationContext.STALLED_AFTER);
      return phase == Phase.PostCopy
          ? Progress.quiet()
          : left.isPositive()
              ? Progress.quiet(left)
              : Progress.stalled(
                  reason,
                  "The guest has stood still for more than 60 s; waiting for "
                      + context.sourceNode()
                      + " to say what came of it.");
    }
    return context.phase().mayBecome(phase)
        ? Progress.become(phase, reason, message, Changes.NONE)
        : Progress.quiet();
  }

  private static Progress switched(MigrationContext context, SourceReport report) {
    if (context.guestSeenOnTarget()) {
      return Progress.become(
          Phase.Commitment,
          Reason.Committing,
          "The guest runs at " + context.targetNode() + "; the source is being cleaned up.",
          Changes.NONE.result(report.result()));
    }
    Duration left =
        Duration.between(
            context.now(), Instant.parse(report.since()).plus(MigrationContext.STALLED_AFTER));
    return left.isPositive()
        ? Progress.quiet(left)
        : Progress.stalled(
            Reason.WaitingForDaemon,
            "Waiting for the daemon of " + context.targetNode() + " to see the guest there.");
  }

  private static Progress notHeardOf(MigrationContext context) {
    Duration left = context.leftOf(MigrationContext.STALLED_AFTER);
    return left.isPositive()
        ? Progress.quiet(left)
        : Progress.stalled(
            Reason.WaitingForDaemon,
            "Waiting for the daemon of " + context.sourceNode() + " to start the transfer.");
  }
}
