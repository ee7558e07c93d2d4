package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;

/**
 * {@code status.failure} is set: first the source says what came of the transfer, then the target
 * removes what it has made, then it is over. There is no deadline that gives up: a migration ends
 * only when nothing of it is left, however long a host is away. An admin who knows that a host will
 * never come back can remove the finalizer.
 */
final class CleanUpStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    Failure failure = context.status().failure();
    if (failure == null) {
      return Progress.proceed();
    }
    if (context.phase() == Phase.PreMigration && context.source().isEmpty()) {
      // Neither has touched anything that a report would not have announced.
      return new Progress.End(failure);
    }
    return context
        .sourceState()
        .map(state -> bySource(context, failure, state))
        .orElseGet(() -> CleanUpWait.forSource(context));
  }

  private static Progress bySource(
      MigrationContext context, Failure failure, SourceReport.State state) {
    return switch (state) {
      case Switched, CleanedUp -> tooLate(context);
      case HandOverPending ->
          SourceEvidence.handOverPending(context, context.source().orElseThrow());
      case GuestLost ->
          failure.wasAskedFor() ? lost(context) : CleanUpWait.forTarget(context, failure);
      case Stopped, Refused -> CleanUpWait.forTarget(context, failure);
      case Transferring, Switching ->
          SourceEvidence.stuck(context.source().orElseThrow())
              .orElseGet(() -> CleanUpWait.forSource(context));
      case Inspected, PostCopying -> CleanUpWait.forSource(context);
    };
  }

  /** The guest has moved: what was meant to end it comes too late. */
  private static Progress tooLate(MigrationContext context) {
    SourceReport report = context.source().orElseThrow();
    boolean seen = context.guestSeenOnTarget() && context.phase().mayBecome(Phase.Commitment);
    return Progress.become(
        seen ? Phase.Commitment : context.phase(),
        seen ? Reason.Committing : Reason.AbortTooLate,
        "The guest had already moved to " + context.targetNode() + "; the migration goes on.",
        Changes.NONE.tooLateToFail().result(report.result()));
  }

  /** Not an abort any more: the guest is not where it was. */
  private static Progress lost(MigrationContext context) {
    SourceReport report = context.source().orElseThrow();
    return Progress.failAsReported(
        context, report.reason(), report.message(), context.sourceNode());
  }
}
