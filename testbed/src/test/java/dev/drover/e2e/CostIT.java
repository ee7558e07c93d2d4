package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
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

  @Test
  void aMigrationCostsFewWrites(Testbed testbed) {
    try (var scene = Scene.onSource(testbed, GuestSpec.named("frugal"))) {
      var boot = scene.guest().bootId();
      var before = Instant.now();
      var migration = scene.migrate("target: {nodeName: n2}\n");
      var result = migration.awaitSucceeded().result();
      scene.assertMoved(boot);
      Migration.awaitSeen(testbed, "frugal", "n2");
      var writes = Writes.since(before, testbed, migration.name(), "frugal");
      System.out.println("writes of one migration: " + writes);
      long progress = result.totalMilliseconds() / PROGRESS_INTERVAL_MILLISECONDS;
      assertThat(writes.total()).isLessThanOrEqualTo(MOST_WRITES + progress);
    }
  }
}
