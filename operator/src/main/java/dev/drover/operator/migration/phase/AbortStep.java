package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;

/**
 * {@code spec.abort}, or a deletion. Too late once the source says that the guest has left, or is
 * leaving in a way that can't be undone: then the migration goes on, and a deletion waits for its
 * end.
 */
final class AbortStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    var asked = context.askedToEnd();
    if (asked.isEmpty() || tooLate(context)) {
      return Progress.proceed();
    }
    return Progress.fail(
        context,
        asked.get(),
        asked.get() == Reason.Deleted ? "The object was deleted." : "spec.abort was set.",
        null);
  }

  private static boolean tooLate(MigrationContext context) {
    boolean phaseIsPast =
        switch (context.phase()) {
          case Pending, PreMigration, Reservation, PreCopy, StopAndCopy -> false;
          case PostCopy, Commitment, Succeeded, Failed, Aborted -> true;
        };
    return phaseIsPast
        || context
            .source()
            .map(SourceReport::state)
            .map(
                state ->
                    switch (state) {
                      case Switched, CleanedUp, PostCopying, HandOverPending -> true;
                      case Inspected, Refused, Transferring, Switching, Stopped, GuestLost -> false;
                    })
            .orElse(false);
  }
}
