package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;
import java.time.Duration;

/** What is waited for once a migration has failed: first the source's word, then the target's. */
final class CleanUpWait {
  private CleanUpWait() {}

  static Progress forSource(MigrationContext context) {
    return waiting(
        context, "Waiting for " + context.sourceNode() + " to say what came of the transfer.");
  }

  /** Over, once the target has removed what it has made. */
  static Progress forTarget(MigrationContext context, Failure failure) {
    boolean nothingMade = context.phase() == Phase.PreMigration;
    boolean clean =
        context
            .target()
            .map(TargetReport::state)
            .map(
                state ->
                    switch (state) {
                      case Clean, Refused -> true;
                      case Checked, Reserved, Settled -> false;
                    })
            .orElse(false);
    return nothingMade || clean
        ? new Progress.End(failure)
        : waiting(context, "Waiting for " + context.targetNode() + " to remove what it has made.");
  }

  private static Progress waiting(MigrationContext context, String message) {
    Duration left =
        Duration.between(
            context.now(),
            context.since(Reason.CleaningUp.name()).plus(MigrationContext.STALLED_AFTER));
    return left.isPositive()
        ? Progress.waitFor(Reason.CleaningUp, message, left, Changes.NONE)
        : Progress.stalled(Reason.CleaningUp, message);
  }
}
