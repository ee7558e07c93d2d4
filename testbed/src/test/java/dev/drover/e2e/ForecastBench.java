package dev.drover.e2e;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.util.Locale;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Forecasts of guests whose writes are known, and what came of them: first by a dry run, which the
 * migration after it goes by, then by a migration of its own back. Run it by {@code ./test bench
 * -Dtest=ForecastBench}; the figures are in docs/reference/performance.md.
 */
@Tag("bench")
@DroverTestbed
class ForecastBench {
  @Test
  void whatWasSaidAndWhatCameOfIt(Testbed testbed) {
    of(testbed, "idle", 0, 0, 0, "bandwidthMiBps: 40\n");
    of(testbed, "calm", 64, 8, 0, "bandwidthMiBps: 40\n");
    of(testbed, "busy", 128, 20, 0, "bandwidthMiBps: 40\n");
    of(testbed, "hot", 64, 100, 0, "bandwidthMiBps: 40\nmaxDowntimeMilliseconds: 3000\n");
    of(testbed, "withdisk", 64, 8, 64, "bandwidthMiBps: 40\n");
    of(testbed, "uncapped", 64, 8, 0, "");
  }

  private static void of(
      Testbed testbed,
      String name,
      int workingSetMib,
      int mibPerSecond,
      int diskMib,
      String limits) {
    var spec = GuestSpec.named(name);
    if (workingSetMib > 0) {
      spec = spec.dirtying(workingSetMib, mibPerSecond);
    }
    if (diskMib > 0) {
      spec = spec.withDisk(DiskSpec.local(2 * diskMib));
    }
    try (var scene = Scene.onSource(testbed, spec)) {
      if (diskMib > 0) {
        scene.guest().fillDisk(0, diskMib);
      }
      var truth =
          "%d MiB at %d MiB/s, %s"
              .formatted(workingSetMib, mibPerSecond, limits.strip().replace("\n", ", "));
      // Once it has filled its memory, it begins to count.
      Waiting.until(
          "the guest has settled",
          () -> scene.guest().dirtiedMib() >= Math.min(64, 5L * mibPerSecond));
      print(name, truth, "dry run", scene.migrate("dryRun: true\n" + limits).awaitSucceeded());
      print(name, truth, "by it", scene.migrate("target: {nodeName: n2}\n" + limits).awaitEnd());
      scene.guest().awaitRunningOn(scene.target());
      print(
          name,
          truth,
          "at start",
          scene.reversed().migrate("target: {nodeName: n1}\n" + limits).awaitEnd());
    }
  }

  private static void print(String name, String truth, String how, LiveMigrationStatus status) {
    var forecast = status.forecast();
    var result = status.result();
    System.out.printf(
        Locale.ROOT,
        "forecast | %s | %s | %s | %s | said %s | was %s | off by %s%n",
        name,
        truth,
        how,
        status.phase(),
        forecast == null
            ? "nothing"
            : "%d s, %d MiB, %d ms, %s (dirty %d, set %s, way %d)"
                .formatted(
                    forecast.seconds(),
                    forecast.bytes() >> 20,
                    forecast.downtimeMilliseconds(),
                    forecast.converges(),
                    forecast.dirtyRateMiBps(),
                    forecast.workingSetMiB(),
                    forecast.throughputMiBps()),
        result == null
            ? "-"
            : "%d ms, %d MiB, %d ms"
                .formatted(
                    result.totalMilliseconds(),
                    result.transferredBytes() == null ? 0 : result.transferredBytes() >> 20,
                    result.downtimeMilliseconds()),
        result == null ? "-" : result.forecastError());
  }
}
