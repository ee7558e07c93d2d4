package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.NodeFacts;

/**
 * Why a daemon has not answered by its deadline: it is away or its libvirt is, if that is known;
 * else nobody knows.
 */
record Silence(Reason reason, String message) {
  private static final String ANSWERED = "answered";

  static Silence ofSource(MigrationContext context) {
    return of(context, context.sourceNode(), Reason.SourceNotReady, ANSWERED);
  }

  static Silence ofTarget(MigrationContext context) {
    return ofTarget(context, ANSWERED);
  }

  /** {@code what} it has not done. */
  static Silence ofTarget(MigrationContext context, String what) {
    return of(context, context.targetNode(), Reason.TargetNotReady, what);
  }

  private static Silence of(MigrationContext context, String node, Reason notReady, String what) {
    NodeFacts facts = context.nodes().get(node);
    return facts == null || facts.ready()
        ? new Silence(
            Reason.DaemonNotResponding,
            "The daemon of %s has not %s within %d s."
                .formatted(node, what, MigrationContext.DAEMON_DEADLINE.toSeconds()))
        : new Silence(notReady, facts.readiness().message());
  }

  Blocker blocker() {
    return Blocker.of(reason, message);
  }
}
