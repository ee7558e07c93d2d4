package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.NodeFacts;
import java.util.Optional;

/**
 * Whether the clocks of two hosts agree, by what each daemon has measured against the API server.
 * Nothing fails of it by itself, so it is only a warning: downtimes that libvirt reckons across
 * hosts are off, and certificates are judged by the clock.
 */
final class Clocks {
  /** Twice what two measurements may be off by (half a second each). */
  private static final long MOST_MILLISECONDS = 2_000;

  private Clocks() {}

  /** Between the source and that target; empty if they agree, or one has not said. */
  static Optional<Blocker> skew(MigrationContext context, String target) {
    Optional<Long> there = offset(context, target);
    Optional<Long> here = offset(context, context.sourceNode());
    if (there.isEmpty() || here.isEmpty()) {
      return Optional.empty();
    }
    long skew = there.get() - here.get();
    return Math.abs(skew) < MOST_MILLISECONDS
        ? Optional.empty()
        : Optional.of(
            Blocker.of(
                Reason.ClockSkew,
                "the clock of %s is %.1f s %s that of %s"
                    .formatted(
                        target,
                        Math.abs(skew) / 1000.0,
                        skew > 0 ? "ahead of" : "behind",
                        context.sourceNode())));
  }

  private static Optional<Long> offset(MigrationContext context, String node) {
    return Optional.ofNullable(context.nodes().get(node))
        .map(NodeFacts::host)
        .map(host -> host.clockOffsetMilliseconds());
  }
}
