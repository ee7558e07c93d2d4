package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * How long it takes from {@code spec.abort} to Aborted, with nothing left on the target. Run it by
 * {@code ./test bench}; the figures are in docs/reference/performance.md.
 */
@Tag("bench")
@DroverTestbed
class AbortBench {
  private static final int RUNS_EACH = 8;

  /** When the abort is asked for. */
  private enum Moment {
    AtOnce,
    Placed,
    DiskCopy,
    MemoryCopy,
    GuestStopped;

    void await(Migration migration) {
      switch (this) {
        case AtOnce -> {}
        case Placed -> migration.awaitReached(Phase.PreMigration);
        case DiskCopy -> migration.awaitDiskCopy();
        case MemoryCopy -> migration.awaitMemoryCopy();
        case GuestStopped -> {
          migration.awaitMemoryCopy();
          assertThat(migration.patchSpec("{\"switchover\":\"Pause\"}").exitCode()).isZero();
          migration.await(
              "the guest is stopped", s -> s.tuning() != null && s.tuning().pausedAt() != null);
        }
      }
    }
  }

  @Test
  void fromTheRequestToTheEnd(Testbed testbed) {
    var spec = GuestSpec.named("notnow").withDisk(DiskSpec.local(96)).dirtying(128, 30);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 32);
      List<Long> all = new ArrayList<>();
      for (Moment moment : Moment.values()) {
        List<Long> these = new ArrayList<>();
        for (int run = 0; run < RUNS_EACH; run++) {
          var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 12\n");
          moment.await(migration);
          var asked = Instant.now();
          var patch = migration.patchSpec("{\"abort\":true}");
          assertThat(patch.exitCode()).as(patch.err()).isZero();
          assertThat(migration.awaitEnd().phaseValue()).isEqualTo(Phase.Aborted);
          these.add(Duration.between(asked, Instant.now()).toMillis());
          scene.assertTargetClean();
        }
        report(moment.name(), these);
        all.addAll(these);
      }
      report("all", all);
      scene.assertStayed(boot);
      assertThat(all).allMatch(milliseconds -> milliseconds < 5000);
    }
  }

  private static void report(String what, List<Long> values) {
    var sorted = values.stream().sorted().toList();
    System.out.printf(
        Locale.ROOT,
        "abort %-14s n=%d median %d ms, max %d ms%n",
        what,
        sorted.size(),
        sorted.get(sorted.size() / 2),
        sorted.getLast());
  }
}
