package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;
import java.time.Duration;

/** The guest has moved; the source removes what it has left. From here on there is only success. */
final class CommitmentStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    if (context.phase() != Phase.Commitment) {
      return Progress.proceed();
    }
    if (context.sourceState().filter(s -> s == SourceReport.State.CleanedUp).isPresent()) {
      return Progress.become(
          Phase.Succeeded,
          Reason.Succeeded,
          context.spec().cold() ? cold(context) : arrival(context),
          Changes.NONE.result(context.source().map(SourceReport::result).orElse(null)));
    }
    Duration left = context.leftOf(MigrationContext.STALLED_AFTER);
    return left.isPositive()
        ? Progress.quiet(left)
        : Progress.stalled(
            Reason.WaitingForDaemon,
            "Waiting for " + context.sourceNode() + " to remove what the guest has left there.");
  }

  /** Whether it was started is the source's to know; it says so when it has cleaned up, too. */
  private static String cold(MigrationContext context) {
    String where = "The guest is at " + context.targetNode() + " and nowhere else.";
    return context
        .source()
        .map(SourceReport::cold)
        .filter(cold -> cold.notStarted() != null)
        .map(cold -> where + " It could not be started there: " + cold.notStarted())
        .orElse(where);
  }

  /** It may have been stopped, or have died, since it arrived. */
  private static String arrival(MigrationContext context) {
    var sighting = context.targetSighting();
    if (sighting.filter(s -> s.state() == State.ShutOff).isEmpty()) {
      return "The guest runs at " + context.targetNode() + " and nowhere else.";
    }
    String reason = sighting.get().reason();
    return "The guest has moved to "
        + context.targetNode()
        + ", and has been shut off there since"
        + (reason == null || reason.isEmpty() ? "." : " (" + reason + ").");
  }
}
