package dev.drover.node.convergence.simulated;

import dev.drover.node.convergence.TransferPolicy;
import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Supplier;

/** The same guests, steered by Drover and by the rules of others. */
final class Comparison {
  static final Duration LIMIT = Duration.ofMillis(500);

  /** Measured with guests that had next to nothing left to send: docs/reference/performance.md. */
  static final Duration OVERHEAD = Duration.ofMillis(126);

  private static final int PAGE = 16 << 10;
  private static final int GIBIBYTE = (1 << 30) / PAGE;
  private static final int PAGES = 4 * GIBIBYTE;
  private static final long MEMORY = (long) PAGES * PAGE;

  /** What 1 Gbit/s bring. */
  private static final long LINK = 112L << 20;

  private static final double PAGES_PER_SECOND = (double) LINK / PAGE;
  private static final int SEEDS = 5;
  private static final Duration TIMEOUT = Duration.ofHours(1);

  /** A guest to be moved. {@code converges}: it can be moved within the limit. */
  record Guest(String name, boolean converges, Supplier<Workload> workload) {}

  /** How one guest fared under each. */
  record Row(Guest guest, boolean autoConverge, List<Result> results) {
    Result of(String strategy) {
      return results.stream().filter(r -> r.strategy().equals(strategy)).findFirst().orElseThrow();
    }
  }

  /** How it ended under one, with each state of the link's noise. */
  record Result(String strategy, List<PreCopy.Outcome> outcomes) {
    boolean moved() {
      return outcomes.stream().allMatch(PreCopy.Outcome::moved);
    }

    boolean gaveUp() {
      return outcomes.stream().noneMatch(PreCopy.Outcome::moved);
    }

    boolean withinLimit() {
      return worstDowntime().compareTo(LIMIT) <= 0;
    }

    Duration worstDowntime() {
      return outcomes.stream()
          .map(PreCopy.Outcome::downtime)
          .max(Duration::compareTo)
          .orElse(Duration.ZERO);
    }

    double seconds() {
      return outcomes.stream().mapToDouble(PreCopy.Outcome::seconds).average().orElseThrow();
    }

    double gibibytes() {
      return outcomes.stream().mapToDouble(PreCopy.Outcome::gibibytes).average().orElseThrow();
    }
  }

  private Comparison() {}

  static List<Guest> guests() {
    return List.of(
        new Guest("idle", true, () -> rounds(0.005)),
        new Guest("30 % of the link", true, () -> rounds(0.3)),
        new Guest("70 %", true, () -> rounds(0.7)),
        new Guest("95 %", true, () -> rounds(0.95)),
        new Guest("130 %", false, () -> rounds(1.3)),
        new Guest(
            "bursts (20 s of 130 %, 20 s of 10 %)",
            true, () -> writing(t -> t % 40 < 20 ? 1.3 : 0.1)),
        new Guest(
            "local minimum (115 %, each 45 s a calm second)",
            true, () -> writing(t -> t % 45 < 44 ? 1.15 : 0.05)));
  }

  static Workload rounds(double share) {
    return Workload.rounds(2 * GIBIBYTE, share * PAGES_PER_SECOND);
  }

  static Workload writing(DoubleUnaryOperator share) {
    return Workload.random(GIBIBYTE / 2, t -> share.applyAsDouble(t) * PAGES_PER_SECOND);
  }

  static TransferPolicy policy(boolean autoConverge) {
    return new TransferPolicy(
        LIMIT, TIMEOUT, OnTimeout.Abort, false, autoConverge, Switchover.Automatic);
  }

  private static List<Strategy> strategies(boolean autoConverge) {
    return List.of(
        new NovaSchedule(LIMIT, MEMORY),
        OvirtSchedule.minimalDowntime(),
        OvirtSchedule.suspendIfNeeded(),
        new KubevirtStallRule(LIMIT, MEMORY),
        new DroverSteering(policy(autoConverge)));
  }

  static List<Row> run(boolean autoConverge) {
    List<Row> rows = new ArrayList<>();
    for (var guest : guests()) {
      List<Result> results = new ArrayList<>();
      for (int i = 0; i < strategies(autoConverge).size(); i++) {
        List<PreCopy.Outcome> outcomes = new ArrayList<>();
        String name = "";
        for (long seed = 1; seed <= SEEDS; seed++) {
          var strategy = strategies(autoConverge).get(i);
          name = strategy.name();
          outcomes.add(
              new PreCopy(PAGES, PAGE, LINK, OVERHEAD, autoConverge, seed)
                  .run(guest.workload().get(), strategy, sample -> {}));
        }
        results.add(new Result(name, outcomes));
      }
      rows.add(new Row(guest, autoConverge, results));
    }
    return rows;
  }

  /** One guest under Drover. */
  static PreCopy.Outcome alone(Workload workload, long seed) {
    return new PreCopy(PAGES, PAGE, LINK, OVERHEAD, false, seed)
        .run(workload, new DroverSteering(policy(false)), sample -> {});
  }
}
