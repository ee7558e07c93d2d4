package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;

/** The guest stands still. Nothing is undone in these moments; the source says what came of it. */
final class StopAndCopyStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    return context.phase() == Phase.StopAndCopy ? SourceEvidence.read(context) : Progress.proceed();
  }
}
