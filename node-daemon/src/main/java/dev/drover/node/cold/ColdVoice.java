package dev.drover.node.cold;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Progress;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.StatusApplier.Outcome;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** How a cold migration says what the source knows. */
public interface ColdVoice {
  MigrationRef ref();

  /**
   * Completes when it, or something newer, is written, or never will be.
   *
   * @param progress null for what was said last
   */
  CompletableFuture<Outcome> say(
      State state,
      Reason reason,
      String message,
      Cold cold,
      @Nullable Result result,
      @Nullable Progress progress);

  void progress(Progress progress);
}
