package dev.drover.node.convergence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever is measured, also nonsense. */
class ConvergenceProperties {
  private static final long TOTAL = 4L << 30;

  /** One look after the one before. */
  record Step(
      int milliseconds, int iterations, long remaining, long rate, long dirty, int throttle) {}

  @Provide
  Arbitrary<Step> steps() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 60_000),
            Arbitraries.integers().between(-1, 3),
            Arbitraries.longs().between(0, TOTAL),
            Arbitraries.longs().between(0, 2L << 30),
            Arbitraries.longs().between(0, 2L << 30),
            Arbitraries.integers().between(0, 99))
        .as(Step::new);
  }

  @Provide
  Arbitrary<List<Step>> looks() {
    return steps().list().ofMinSize(1).ofMaxSize(60);
  }

  @Provide
  Arbitrary<TransferPolicy> policies() {
    return Combinators.combine(
            Arbitraries.integers().between(1, 60_000).map(Duration::ofMillis),
            Arbitraries.integers().between(1, 3600).map(Duration::ofSeconds),
            Arbitraries.of(OnTimeout.class),
            Arbitraries.of(true, false),
            Arbitraries.of(true, false),
            Arbitraries.of(Switchover.class))
        .as(TransferPolicy::new);
  }

  /** As Steering does: what is allowed is carried out before the next look. */
  private static List<Sample> history(TransferPolicy policy, List<Step> steps) {
    List<Sample> samples = new ArrayList<>();
    var elapsed = Duration.ZERO;
    var allowed = Convergence.firstDowntime(policy);
    int iteration = 0;
    for (Step step : steps) {
      elapsed = elapsed.plusMillis(step.milliseconds());
      iteration = Math.max(0, iteration + step.iterations());
      samples.add(
          new Sample(
              elapsed,
              iteration,
              TOTAL,
              step.remaining(),
              step.rate(),
              step.dirty(),
              allowed,
              step.throttle()));
      if (Convergence.decide(policy, samples) instanceof Decision.AllowDowntime(var downtime, _)) {
        allowed = downtime;
      }
    }
    return samples;
  }

  @Property
  void itNeverAllowsALongerDowntimeThanThePolicy(
      @ForAll("policies") TransferPolicy policy, @ForAll("looks") List<Step> looks) {
    assertThat(Convergence.firstDowntime(policy)).isLessThanOrEqualTo(policy.maxDowntime());
    assertThat(Convergence.firstDowntime(policy)).isPositive();
    for (var sample : history(policy, looks)) {
      assertThat(sample.allowedDowntime()).isPositive().isLessThanOrEqualTo(policy.maxDowntime());
    }
  }

  @Property
  void itAlwaysEndsByTheTimeout(
      @ForAll("policies") TransferPolicy policy, @ForAll("looks") List<Step> looks) {
    var samples = history(policy, looks);
    if (samples.getLast().elapsed().compareTo(policy.completionTimeout()) >= 0) {
      assertThat(Convergence.decide(policy, samples))
          .isInstanceOfAny(
              Decision.GiveUp.class, Decision.Pause.class, Decision.StartPostCopy.class);
    }
  }

  @Property
  void itDoesNothingThatIsNotAllowed(
      @ForAll("policies") TransferPolicy policy, @ForAll("looks") List<Step> looks) {
    var samples = history(policy, looks);
    var last = samples.getLast();
    boolean late = last.elapsed().compareTo(policy.completionTimeout()) >= 0;
    switch (Convergence.decide(policy, samples)) {
      case Decision.StartPostCopy _ -> {
        assertThat(policy.postCopyPossible()).isTrue();
        assertThat(last.iteration()).isPositive();
      }
      case Decision.Pause _ -> {
        assertThat(policy.onTimeout() == OnTimeout.Pause || policy.switchover() == Switchover.Pause)
            .isTrue();
        assertThat(last.iteration()).isPositive();
      }
      case Decision.GiveUp _ ->
          assertThat(late || policy.onTimeout() != OnTimeout.Pause)
              .as("where it may be paused, it is not given up early")
              .isTrue();
      case Decision.AllowDowntime _, Decision.Continue _ -> assertThat(late).isFalse();
    }
  }

  @Property
  void aDowntimeThatIsAllowedIsNotAllowedAgain(
      @ForAll("policies") TransferPolicy policy, @ForAll("looks") List<Step> looks) {
    for (var sample : history(policy, looks)) {
      if (Convergence.decide(policy, List.of(sample))
          instanceof Decision.AllowDowntime(var downtime, _)) {
        assertThat(downtime).isNotEqualTo(sample.allowedDowntime());
      }
    }
  }
}
