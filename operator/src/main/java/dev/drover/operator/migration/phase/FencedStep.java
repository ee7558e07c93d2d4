package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;

/**
 * A host of the migration is fenced ({@code HypervisorNode.spec.fenced}, and its daemon is silent):
 * nothing of it runs, and its word is not waited for any more. The other host's daemon knows that,
 * too, and settles what is left there; its word is waited for.
 */
final class FencedStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    if (context.phase() == Phase.Pending) {
      return Progress.proceed(); // no host has anything of it yet
    }
    if (context.isFenced(context.status().sourceNode())) {
      return withoutSource(context);
    }
    return context.isFenced(context.status().targetNode()) && context.phase() != Phase.PreMigration
        ? withoutTarget(context)
        : Progress.proceed();
  }

  private static Progress withoutSource(MigrationContext context) {
    if (context.phase() == Phase.Commitment) {
      return Progress.become(
          Phase.Succeeded,
          Reason.Succeeded,
          "The guest is at %s. %s is fenced: what the guest has left there is still there."
              .formatted(context.targetNode(), context.sourceNode()),
          Changes.NONE.result(context.source().map(SourceReport::result).orElse(null)));
    }
    if (context.phase().mayBecome(Phase.Commitment) && hasArrived(context)) {
      return Progress.become(
          Phase.Commitment,
          Reason.Committing,
          "The guest runs at %s; %s is fenced."
              .formatted(context.targetNode(), context.sourceNode()),
          Changes.NONE
              .tooLateToFail()
              .result(context.source().map(SourceReport::result).orElse(null)));
    }
    Failure failure = context.status().failure();
    if (failure == null || !isOf(failure, Reason.SourceHostLost)) {
      return Progress.fail(
          context,
          Reason.SourceHostLost,
          "%s is fenced, and the guest was there.".formatted(context.sourceNode()),
          context.sourceNode());
    }
    return context.isFenced(context.status().targetNode())
        ? new Progress.End(failure)
        : CleanUpWait.forTarget(context, failure);
  }

  /**
   * It runs there, or the target has settled that it is there; or the source had said so, and its
   * owner has stopped it since.
   */
  private static boolean hasArrived(MigrationContext context) {
    return context.guestRunsOnTarget()
        || context.target().filter(t -> t.state() == TargetReport.State.Settled).isPresent()
        || (context.sourceState().filter(FencedStep::hasLetGo).isPresent()
            && context.guestSeenOnTarget());
  }

  private static Progress withoutTarget(MigrationContext context) {
    Failure failure = context.status().failure();
    var source = context.sourceState();
    if (context.phase() == Phase.Commitment) {
      return Progress.proceed(); // the guest had arrived; the source tidies up as ever
    }
    if (source.filter(FencedStep::hasLetGo).isPresent()) {
      return failure != null && isOf(failure, Reason.TargetHostLost)
          ? new Progress.End(failure)
          : Progress.fail(
              context,
              Reason.TargetHostLost,
              "The guest had moved to %s, which was lost with it. Disks that were copied are at %s as they were at that moment."
                  .formatted(context.targetNode(), context.sourceNode()),
              context.targetNode());
    }
    if (failure == null) {
      return Progress.fail(
          context,
          Reason.TargetHostLost,
          "%s is fenced.".formatted(context.targetNode()),
          context.targetNode());
    }
    boolean sourceIsDone =
        source
            .filter(
                state ->
                    switch (state) {
                      case Stopped, Refused -> true;
                      case GuestLost -> !failure.wasAskedFor();
                      case Inspected,
                          Transferring,
                          Switching,
                          PostCopying,
                          Switched,
                          HandOverPending,
                          CleanedUp ->
                          false;
                    })
            .isPresent();
    return sourceIsDone ? new Progress.End(failure) : Progress.proceed();
  }

  private static boolean hasLetGo(SourceReport.State state) {
    return state == SourceReport.State.Switched || state == SourceReport.State.CleanedUp;
  }

  private static boolean isOf(Failure failure, Reason reason) {
    return failure.reason().equals(reason.name());
  }
}
