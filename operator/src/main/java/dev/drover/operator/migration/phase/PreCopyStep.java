package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;

/** Disks, then memory. Its deadline is the source's, which keeps it without the API server. */
final class PreCopyStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    return context.phase() == Phase.PreCopy ? SourceEvidence.read(context) : Progress.proceed();
  }
}
