package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;

/** The guest runs at the target on memory that still comes from the source: no way back. */
final class PostCopyStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    return context.phase() == Phase.PostCopy ? SourceEvidence.read(context) : Progress.proceed();
  }
}
