package dev.drover.operator.metrics;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.operator.cluster.Cluster;
import dev.drover.operator.migration.MigrationListener;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** What migrations do and cost. No tag names an object: cardinality stays bounded. */
public final class OperatorMetrics implements MigrationListener {
  private static final Duration[] DURATIONS = {
    Duration.ofSeconds(1),
    Duration.ofSeconds(2),
    Duration.ofSeconds(5),
    Duration.ofSeconds(10),
    Duration.ofSeconds(30),
    Duration.ofMinutes(1),
    Duration.ofMinutes(5),
    Duration.ofMinutes(15),
    Duration.ofHours(1),
    Duration.ofHours(4)
  };
  private static final Duration[] DOWNTIMES = {
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(200),
    Duration.ofMillis(300),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofSeconds(2),
    Duration.ofSeconds(5),
    Duration.ofSeconds(30)
  };

  private final MeterRegistry registry;
  private final InstantSource clock;

  public OperatorMetrics(
      MeterRegistry registry, Cluster cluster, InstantSource clock, String version) {
    this.registry = registry;
    this.clock = clock;
    for (Phase phase : Phase.values()) {
      Gauge.builder("drover.migrations", cluster, c -> inPhase(c, phase))
          .description("LiveMigrations by phase.")
          .tag("phase", phase.name())
          .register(registry);
    }
    Gauge.builder("drover.migrations.stalled", cluster, OperatorMetrics::stalled)
        .description("LiveMigrations that wait for a person.")
        .register(registry);
    Gauge.builder("drover.split.brains", cluster, OperatorMetrics::splitBrains)
        .description("Virtual machines that run on more than one host.")
        .register(registry);
    Gauge.builder("drover.operator.build.info", () -> 1)
        .description("Always 1; the tag says which build runs.")
        .tag("version", version)
        .register(registry);
  }

  @Override
  public void written(LiveMigrationStatus before, LiveMigration written) {
    LiveMigrationStatus after = written.getStatus();
    Phase phase = after.phaseValue();
    if (after.attemptNumber() != before.attemptNumber()) {
      Counter.builder("drover.migration.retries")
          .description("Attempts that failed and were followed by another, by reason.")
          .tag("reason", after.attemptsOrEmpty().getLast().reason())
          .register(registry)
          .increment();
    }
    if (before.phaseValue() == phase || !phase.isTerminal()) {
      return;
    }
    String created = written.getMetadata().getCreationTimestamp();
    if (created != null) {
      Timer.builder("drover.migration.duration")
          .description("From the creation of the object to its end.")
          .tag("outcome", phase.name())
          .serviceLevelObjectives(DURATIONS)
          .register(registry)
          .record(Duration.between(Instant.parse(created), clock.instant()));
    }
    if (after.failure() != null && phase == Phase.Failed) {
      Counter.builder("drover.migration.failures")
          .description("Migrations that ended without success, by reason.")
          .tag("reason", after.failure().reason())
          .register(registry)
          .increment();
    }
    if (after.result() != null && after.result().downtimeMilliseconds() != null) {
      Timer.builder("drover.migration.downtime")
          .description("How long guests stood still.")
          .serviceLevelObjectives(DOWNTIMES)
          .register(registry)
          .record(Duration.ofMillis(after.result().downtimeMilliseconds()));
    }
  }

  private static double inPhase(Cluster cluster, Phase phase) {
    return cluster
        .migrations()
        .map(m -> m.getStatus() == null ? Phase.Pending : m.getStatus().phaseValue())
        .filter(p -> p == phase)
        .count();
  }

  private static double stalled(Cluster cluster) {
    return cluster
        .migrations()
        .map(LiveMigration::getStatus)
        .filter(status -> status != null && !status.phaseValue().isTerminal())
        .flatMap(status -> status.condition(ConditionType.Stalled).stream())
        .filter(Condition::isTrue)
        .count();
  }

  private static double splitBrains(Cluster cluster) {
    return cluster.machines().filter(OperatorMetrics::isSplit).count();
  }

  private static boolean isSplit(VirtualMachine machine) {
    return machine.getStatus() != null
        && machine.getStatus().conditions() != null
        && machine.getStatus().conditions().stream()
            .filter(c -> c.type().equals(ConditionType.SplitBrain.name()))
            .anyMatch(Condition::isTrue);
  }
}
