package dev.drover.faults;

import dev.drover.testbed.faults.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Several faults within one migration, all drawn from a seed: the same seed, the same schedule.
 *
 * @param spec of the migration, beside the target
 */
record Schedule(long seed, Storage storage, String spec, List<Step> steps) {
  private static final int MOST_FAULTS = 4;
  private static final int LONGEST_PAUSE_MILLISECONDS = 4000;
  private static final Duration LONGEST_FAULT = Duration.ofSeconds(12);

  /**
   * One fault.
   *
   * @param after the fault before it, or the request
   * @param lasts until it is healed
   * @param overlaps the next one happens before it is healed
   */
  record Step(Duration after, Fault fault, Duration lasts, boolean overlaps) {}

  static Schedule of(long seed) {
    // Not java.util.Random: of small seeds, its first draws are all alike.
    var random = new SplittableRandom(seed);
    var storage = Storage.values()[random.nextInt(Storage.values().length)];
    boolean postCopy = random.nextInt(4) == 0;
    String spec =
        postCopy
            ? Moment.PostCopy.spec()
            : "bandwidthMiBps: %d\n".formatted(6 + random.nextInt(20));
    // What fills the target's disk is for guests of another pool.
    var faults = Arrays.stream(Fault.values()).filter(f -> f != Fault.TargetDiskFull).toList();
    List<Step> steps = new ArrayList<>();
    int count = 2 + random.nextInt(MOST_FAULTS - 1);
    for (int number = 0; number < count; number++) {
      var fault = faults.get(random.nextInt(faults.size()));
      var lasts = fault.lasts().compareTo(LONGEST_FAULT) > 0 ? LONGEST_FAULT : fault.lasts();
      steps.add(
          new Step(
              Duration.ofMillis(random.nextInt(LONGEST_PAUSE_MILLISECONDS)),
              fault,
              lasts,
              !fault.killsHost() && random.nextBoolean()));
    }
    return new Schedule(seed, storage, spec, List.copyOf(steps));
  }

  boolean isPostCopy() {
    return spec.contains("PostCopy");
  }

  boolean mayTakeTheGuest() {
    return steps.stream()
        .map(Step::fault)
        .anyMatch(f -> f.killsHost() || f == Fault.SourceQemuKilled || f == Fault.TargetQemuKilled);
  }

  /**
   * A guest that was just handed over stands still until one of them is back: docs/reliability.md.
   */
  boolean killsBothDaemons() {
    var faults = steps.stream().map(Step::fault).toList();
    return faults.contains(Fault.BothDaemonsKilled)
        || faults.containsAll(List.of(Fault.SourceDaemonKilled, Fault.TargetDaemonKilled));
  }
}
