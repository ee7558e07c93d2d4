package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.NodeFacts;
import dev.drover.operator.migration.Placement;
import dev.drover.operator.migration.Progress;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the source's report means while it may be moving the guest. Only evidence from the source
 * says where the guest is; the three phases of the transfer read it in the same way.
 */
final class SourceEvidence {
  private SourceEvidence() {}

  static Progress read(MigrationContext context) {
    Progress progress = evidence(context);
    if (progress instanceof Progress.Quiet
        && context.phase() == Phase.PostCopy
        && context.askedToEnd().isPresent()) {
      return tooLateToEnd(context, progress);
    }
    boolean stalled =
        context.status().condition(ConditionType.Stalled).filter(Condition::isTrue).isPresent();
    // What was missing is there again; the words of the stall must not stay.
    return stalled && progress instanceof Progress.Quiet
        ? become(context, context.phase())
        : progress;
  }

  /** Said once; a deleted object goes when its migration has ended. */
  private static Progress tooLateToEnd(MigrationContext context, Progress otherwise) {
    boolean said =
        context
            .status()
            .condition(ConditionType.Reconciling)
            .filter(c -> c.reason().equals(Reason.AbortTooLate.name()))
            .isPresent();
    return said
        ? otherwise
        : Progress.become(
            context.phase(),
            Reason.AbortTooLate,
            "The guest runs at " + context.targetNode() + " already: the migration can only go on.",
            Changes.NONE);
  }

  /** A phase of the transfer, with its words. */
  static Progress become(MigrationContext context, Phase phase) {
    return switch (phase) {
      case StopAndCopy ->
          Progress.become(
              phase, Reason.Switching, "The guest stands still to move over.", Changes.NONE);
      case PostCopy ->
          Progress.become(
              phase,
              Reason.PostCopying,
              "The guest runs at " + context.targetNode() + "; the rest of its memory follows.",
              Changes.NONE);
      default ->
          Progress.become(
              phase,
              Reason.Transferring,
              "The guest is being copied from "
                  + context.sourceNode()
                  + " to "
                  + context.targetNode()
                  + ".",
              Changes.NONE);
    };
  }

  /** Only the source knows what is missing, so its own sentence is passed on. */
  static Progress handOverPending(MigrationContext context, SourceReport report) {
    String message = report.message();
    return Progress.stalled(
        Reason.HandOverFailed,
        message == null || message.isBlank()
            ? context.sourceNode() + " can't tell yet where the guest is; it keeps looking."
            : message);
  }

  private static Progress evidence(MigrationContext context) {
    if (context.source().isEmpty()) {
      return notHeardOf(context);
    }
    SourceReport report = context.source().get();
    return switch (report.state()) {
      case Inspected -> notHeardOf(context);
      case Transferring -> stuck(report).orElseGet(() -> unlessAway(context, Progress.quiet()));
      case Switching ->
          context.phase() == Phase.StopAndCopy && stuck(report).isPresent()
              ? stuck(report).get()
              : follow(context, Phase.StopAndCopy);
      case PostCopying ->
          report.reason().equals(Reason.PostCopyFailed.name()) && context.phase() == Phase.PostCopy
              ? broken(report)
              : follow(context, Phase.PostCopy);
      case Switched, CleanedUp -> switched(context, report);
      case HandOverPending -> handOverPending(context, report);
      case Stopped, Refused, GuestLost ->
          Progress.failAsReported(context, report.reason(), report.message(), context.sourceNode());
    };
  }

  /** What the source's watchdog says of a transfer that does not get on; in its own words. */
  static Optional<Progress> stuck(SourceReport report) {
    return Stream.of(Reason.LinkSilent, Reason.TransferStuck)
        .filter(reason -> reason.name().equals(report.reason()))
        .findFirst()
        .map(
            reason ->
                Progress.stalled(
                    reason,
                    report.message() == null || report.message().isBlank()
                        ? reason.meaning()
                        : report.message()));
  }

  /** The source's daemon mends it by itself, but it needs the link for that. */
  private static Progress broken(SourceReport report) {
    String message = report.message();
    return Progress.stalled(
        Reason.PostCopyFailed, message == null ? Reason.PostCopyFailed.meaning() : message);
  }

  private static Progress follow(MigrationContext context, Phase phase) {
    if (context.phase() != phase && context.phase().mayBecome(phase)) {
      return become(context, phase);
    }
    return unlessAway(
        context,
        context.phase() == Phase.StopAndCopy && phase == Phase.StopAndCopy
            ? standingStill(context)
            : Progress.quiet());
  }

  private static Progress standingStill(MigrationContext context) {
    Duration left = context.leftOf(MigrationContext.STALLED_AFTER);
    return left.isPositive()
        ? Progress.quiet(left)
        : Progress.stalled(
            Reason.Switching,
            "The guest has stood still for more than 60 s; waiting for "
                + context.sourceNode()
                + " to say what came of it.");
  }

  /** libvirt needs no daemon to move the guest, but without one nobody tells what comes of it. */
  private static Progress unlessAway(MigrationContext context, Progress otherwise) {
    NodeFacts node = context.nodes().get(context.sourceNode());
    if (node != null && node.ready()) {
      return otherwise;
    }
    String message =
        "The daemon of "
            + context.sourceNode()
            + (context.spec().cold()
                ? " is away; it goes on with the copying when it is back."
                : " is away; the transfer is libvirt's and may go on, its outcome will be told when"
                    + " the daemon is back.");
    Duration left = graceLeft(context, node);
    // Libvirt first and then the heartbeat, or a new operator: what was said stays until it's back.
    boolean said =
        context
            .status()
            .condition(ConditionType.Stalled)
            .filter(c -> c.isTrue() && message.equals(c.message()))
            .isPresent();
    return said || !left.isPositive()
        ? Progress.stalled(Reason.WaitingForDaemon, message)
        : otherwise.recheckedWithin(left);
  }

  private static Duration graceLeft(MigrationContext context, @Nullable NodeFacts node) {
    if (node != null) {
      return Placement.graceLeft(context, node);
    }
    // No node at all: the operator has just started, and has not read them yet.
    return context.nodes().isEmpty()
        ? MigrationContext.NODE_GRACE
        : Duration.between(context.now(), context.created().plus(MigrationContext.NODE_GRACE));
  }

  private static Progress switched(MigrationContext context, SourceReport report) {
    if (context.guestSeenOnTarget()) {
      return Progress.become(
          Phase.Commitment,
          Reason.Committing,
          "The guest is at " + context.targetNode() + "; the source is being cleaned up.",
          Changes.NONE.result(report.result()));
    }
    Duration left =
        Duration.between(
            context.now(), Instant.parse(report.since()).plus(MigrationContext.STALLED_AFTER));
    return left.isPositive()
        ? Progress.quiet(left)
        : Progress.stalled(
            Reason.WaitingForDaemon,
            "Waiting for the daemon of " + context.targetNode() + " to see the guest there.");
  }

  private static Progress notHeardOf(MigrationContext context) {
    Duration left = context.leftOf(MigrationContext.STALLED_AFTER);
    return left.isPositive()
        ? Progress.quiet(left)
        : Progress.stalled(
            Reason.WaitingForDaemon,
            "Waiting for the daemon of " + context.sourceNode() + " to start the transfer.");
  }
}
