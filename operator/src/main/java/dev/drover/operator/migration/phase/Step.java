package dev.drover.operator.migration.phase;

import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;
import java.util.List;

/**
 * One thing to look at in a migration's life. A step is a pure function of the facts; one that is
 * not concerned answers {@link Progress.Proceed}.
 */
public sealed interface Step
    permits FinishedStep,
        FencedStep,
        CleanUpStep,
        AbortStep,
        PendingStep,
        PreMigrationStep,
        ReservationStep,
        PreCopyStep,
        StopAndCopyStep,
        PostCopyStep,
        CommitmentStep {

  Progress advance(MigrationContext context);

  /** In this order; the first that has something to say is obeyed. */
  List<Step> ALL =
      List.of(
          new FinishedStep(),
          new FencedStep(),
          new CleanUpStep(),
          new AbortStep(),
          new PendingStep(),
          new PreMigrationStep(),
          new ReservationStep(),
          new PreCopyStep(),
          new StopAndCopyStep(),
          new PostCopyStep(),
          new CommitmentStep());

  /** What the first step says that is concerned. */
  static Progress first(MigrationContext context) {
    for (Step step : ALL) {
      Progress progress = step.advance(context);
      if (!(progress instanceof Progress.Proceed)) {
        return progress;
      }
    }
    return Progress.quiet();
  }
}
