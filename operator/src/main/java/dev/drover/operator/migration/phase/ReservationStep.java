package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;
import java.time.Duration;

/**
 * The target takes what the guest needs. From here on it may hold volumes of this migration, so the
 * target can't be replaced any more: a refusal ends the migration.
 */
final class ReservationStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    if (context.phase() != Phase.Reservation) {
      return Progress.proceed();
    }
    var gone = context.source().filter(ReservationStep::hasGivenUp);
    if (gone.isPresent()) {
      return Progress.failAsReported(
          context, gone.get().reason(), gone.get().message(), context.sourceNode());
    }
    TargetReport.State state =
        context.target().map(TargetReport::state).orElse(TargetReport.State.Checked);
    return switch (state) {
      case Reserved -> SourceEvidence.become(context, Phase.PreCopy);
      case Refused, Clean, Settled ->
          Progress.failAsReported(
              context,
              context.target().orElseThrow().reason(),
              context.target().orElseThrow().message(),
              context.targetNode());
      case Checked -> waitForTarget(context);
    };
  }

  private static boolean hasGivenUp(SourceReport report) {
    return switch (report.state()) {
      case Refused, Stopped, GuestLost -> true;
      case Inspected, Transferring, Switching, PostCopying, Switched, HandOverPending, CleanedUp ->
          false;
    };
  }

  private static Progress waitForTarget(MigrationContext context) {
    Duration left = context.leftOf(MigrationContext.DAEMON_DEADLINE);
    if (left.isPositive()) {
      return Progress.quiet(left);
    }
    Silence silence = Silence.ofTarget(context, "reserved what the guest needs");
    return Progress.fail(context, silence.reason(), silence.message(), context.targetNode());
  }
}
