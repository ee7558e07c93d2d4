package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/**
 * What a migration costs the API server. The figures for docs/reference/performance.md come from
 * {@code bench/}.
 */
@DroverTestbed
class CostIT {
  private static final int MOST_WRITES = 20;

  /** Progress comes on top, one write in as long at most. */
  private static final long PROGRESS_INTERVAL_MILLISECONDS = 2000;

  /** How long a guest that leaves may be off before that is told. */
  private static final Duration LEAVING = Duration.ofMillis(300);

  @Test
  void aMigrationCostsFewWrites(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("frugal"))) {
      var boot = scene.guest().bootId();
      var before = Instant.now();
      var migration = scene.migrate("target: {nodeName: n2}\n");
      var status = migration.awaitSucceeded();
      scene.assertMoved(boot);
      Migration.awaitSeen(testbed, "frugal", "n2");
      var writes = Writes.since(before, testbed, migration.name(), "frugal");
      System.out.println("writes of one migration: " + writes);
      long progress = status.result().totalMilliseconds() / PROGRESS_INTERVAL_MILLISECONDS;
      assertThat(writes.total())
          .isLessThanOrEqualTo(MOST_WRITES + progress + (wasSeenLeaving(status) ? 1 : 0));
    }
  }

  /** On a slow machine the source's clean-up takes so long that the guest is told to be off. */
  private static boolean wasSeenLeaving(LiveMigrationStatus status) {
    var left =
        status.phases().stream()
            .filter(p -> p.phase().equals(Phase.StopAndCopy.name()))
            .map(p -> Instant.parse(p.finishedAt()))
            .findFirst()
            .orElseThrow();
    var cleanedUp = Instant.parse(status.currentSource().orElseThrow().since());
    return Duration.between(left, cleanedUp).compareTo(LEAVING) > 0;
  }
}
