package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.PhaseTimes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.Progress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Terminal is terminal; only the time to live goes on. */
final class FinishedStep implements Step {
  @Override
  public Progress advance(MigrationContext context) {
    if (!context.phase().isTerminal()) {
      return Progress.proceed();
    }
    Integer seconds = context.spec().ttlSecondsAfterFinished();
    if (seconds == null) {
      return new Progress.Rest(Optional.empty());
    }
    Duration left = Duration.between(context.now(), finishedAt(context).plusSeconds(seconds));
    return left.isPositive() ? new Progress.Rest(Optional.of(left)) : new Progress.Delete();
  }

  private static Instant finishedAt(MigrationContext context) {
    List<PhaseTimes> phases = context.status().phases();
    return phases == null
        ? context.created()
        : phases.stream()
            .map(PhaseTimes::finishedAt)
            .filter(Objects::nonNull)
            .map(Instant::parse)
            .max(Instant::compareTo)
            .orElseGet(context::created);
  }
}
