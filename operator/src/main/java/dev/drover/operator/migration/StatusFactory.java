package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Attempt;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.LiveMigrationStatus.PhaseTimes;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.Text;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes the operator's part of a status out of a step's answer: always <em>all</em> fields that the
 * operator owns and none of the others', because server-side apply removes what is left out.
 *
 * <p>A phase that may not follow the present one ({@link Phase#mayBecome}) is an error in a step,
 * and is refused here rather than written.
 */
public final class StatusFactory {
  private static final Set<ConditionType> OWN =
      Set.of(
          ConditionType.Ready,
          ConditionType.Reconciling,
          ConditionType.Stalled,
          ConditionType.Succeeded);
  private static final int MAX_PHASES = 12;

  private StatusFactory() {}

  /** What conditions say; the same words in all of them. */
  private record Says(String reason, String message) {
    Says(Reason reason, String message) {
      this(reason.name(), message);
    }
  }

  /** The operator's fields after {@code progress}. */
  public static LiveMigrationStatus next(MigrationContext context, Progress progress) {
    return switch (progress) {
      case Progress.Quiet _ -> quiet(context);
      case Progress.Wait wait ->
          build(
              context,
              context.phase(),
              times(context, context.phase(), null, false),
              context.status().failure(),
              wait.changes(),
              new Says(wait.reason(), wait.message()),
              wait.stalled());
      case Progress.Become become -> become(context, become);
      case Progress.Fail fail -> fail(context, fail);
      case Progress.End end -> end(context, end.failure(), Changes.NONE);
      case Progress.Proceed _, Progress.Rest _, Progress.Delete _ -> owned(context.status());
    };
  }

  /** Only the operator's fields of a status. */
  public static LiveMigrationStatus owned(LiveMigrationStatus status) {
    LiveMigrationStatus.Builder builder =
        LiveMigrationStatus.builder()
            .observedGeneration(status.observedGeneration())
            .sourceNode(status.sourceNode())
            .targetNode(status.targetNode())
            .domainUuid(status.domainUuid())
            .attempt(status.attempt())
            .attempts(status.attempts())
            .queue(status.queue())
            .phases(status.phases())
            .candidates(status.candidates())
            .failure(status.failure())
            .result(status.result());
    if (status.phase() != null) {
      builder.phase(status.phaseValue());
    }
    if (status.conditions() != null) {
      builder.conditions(
          OWN.stream().sorted().map(status::condition).flatMap(Optional::stream).toList());
    }
    return builder.build();
  }

  private static LiveMigrationStatus quiet(MigrationContext context) {
    LiveMigrationStatus status = context.status();
    Says says =
        status
            .condition(ConditionType.Reconciling)
            .map(c -> new Says(c.reason(), Objects.requireNonNullElse(c.message(), "")))
            .orElseGet(() -> new Says(Reason.Accepted, "The operator has seen the object."));
    return build(
        context,
        context.phase(),
        times(context, context.phase(), null, false),
        status.failure(),
        Changes.NONE,
        says,
        false);
  }

  private static LiveMigrationStatus become(MigrationContext context, Progress.Become become) {
    boolean retargeted = become.phase() == context.phase() && become.changes().targetNode() != null;
    return build(
        context,
        become.phase(),
        times(context, become.phase(), null, retargeted),
        become.changes().forgetFailure() ? null : context.status().failure(),
        become.changes(),
        new Says(become.reason(), become.message()),
        false);
  }

  private static LiveMigrationStatus fail(MigrationContext context, Progress.Fail fail) {
    if (context.phase() == Phase.Pending) {
      return end(context, fail.failure(), fail.changes());
    }
    return build(
        context,
        context.phase(),
        times(context, context.phase(), Reason.CleaningUp.name(), false),
        fail.failure(),
        fail.changes(),
        new Says(Reason.CleaningUp, fail.failure().message()),
        false);
  }

  private static LiveMigrationStatus end(
      MigrationContext context, Failure failure, Changes changes) {
    List<Candidate> candidates = or(changes.candidates(), context.status().candidates());
    if (Attempts.anotherFollows(context, failure, candidates)) {
      return again(context, failure);
    }
    Phase phase =
        failure.wasAskedFor() && context.phase().mayBecome(Phase.Aborted)
            ? Phase.Aborted
            : Phase.Failed;
    return build(
        context,
        phase,
        times(context, phase, null, false),
        failure,
        changes,
        new Says(failure.reason(), failure.message()),
        true);
  }

  /**
   * The next attempt, from the beginning: without the nodes of the one before, so that their
   * daemons let go of it, and with a number that its reports don't have.
   */
  private static LiveMigrationStatus again(MigrationContext context, Failure failure) {
    int number = context.status().attemptNumber();
    Says says =
        new Says(
            Reason.WaitingToRetry,
            "Attempt "
                + number
                + " has failed ("
                + failure.reason()
                + "); another one follows: "
                + failure.message());
    return LiveMigrationStatus.builder()
        .observedGeneration(context.migration().getMetadata().getGeneration())
        .phase(Phase.Pending)
        .conditions(conditions(context, Phase.Pending, null, says, false))
        .attempt(number + 1)
        .attempts(Attempts.ended(context, failure.reason(), failure.message()))
        .phases(List.of(new PhaseTimes(Phase.Pending.name(), rfc3339(context.now()), null)))
        .build();
  }

  /** The list of attempts after a write of {@code phase}. */
  private static @Nullable List<Attempt> attempts(
      MigrationContext context, Phase phase, @Nullable Failure failure) {
    return phase.isTerminal() && Attempts.hasBegun(context)
        ? Attempts.ended(
            context,
            failure == null ? Reason.Succeeded.name() : failure.reason(),
            failure == null ? null : failure.message())
        : context.status().attempts();
  }

  private static LiveMigrationStatus build(
      MigrationContext context,
      Phase phase,
      @Nullable List<PhaseTimes> times,
      @Nullable Failure failure,
      Changes changes,
      Says says,
      boolean stalled) {
    LiveMigrationStatus status = context.status();
    if (!context.phase().mayBecome(phase)) {
      throw new IllegalStateException(
          "A migration in phase " + context.phase() + " can't become " + phase);
    }
    return LiveMigrationStatus.builder()
        .observedGeneration(context.migration().getMetadata().getGeneration())
        .phase(phase)
        .conditions(conditions(context, phase, failure, says, stalled))
        .sourceNode(or(changes.sourceNode(), status.sourceNode()))
        .targetNode(or(changes.targetNode(), status.targetNode()))
        .domainUuid(or(changes.domainUuid(), status.domainUuid()))
        .attempt(status.attempt())
        .attempts(attempts(context, phase, failure))
        .queue(changes.queue())
        .phases(times)
        .candidates(or(changes.candidates(), status.candidates()))
        .failure(failure)
        .result(or(changes.result(), status.result()))
        .build();
  }

  private static List<Condition> conditions(
      MigrationContext context,
      Phase phase,
      @Nullable Failure failure,
      Says says,
      boolean stalled) {
    boolean succeeded = phase == Phase.Succeeded;
    String outcome =
        succeeded ? Condition.TRUE : phase.isTerminal() ? Condition.FALSE : Condition.UNKNOWN;
    // While it is being cleaned up, people want to know why, not that.
    Says why =
        failure == null || phase.isTerminal()
            ? says
            : new Says(failure.reason(), failure.message());
    return List.of(
        condition(context, ConditionType.Ready, bool(succeeded), why),
        condition(context, ConditionType.Reconciling, bool(!phase.isTerminal()), says),
        condition(context, ConditionType.Stalled, bool(!succeeded && stalled), says),
        condition(context, ConditionType.Succeeded, outcome, why));
  }

  private static Condition condition(
      MigrationContext context, ConditionType type, String status, Says says) {
    return new Condition(
            type.name(),
            status,
            says.reason,
            Text.limit(says.message, 1024),
            context.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            context.migration().getMetadata().getGeneration())
        .replacing(context.status().condition(type).orElse(null));
  }

  /**
   * @param opened an entry that is not a phase and begins now
   * @param anew this phase begins again, with another target
   */
  private static @Nullable List<PhaseTimes> times(
      MigrationContext context, Phase next, @Nullable String opened, boolean anew) {
    LiveMigrationStatus status = context.status();
    List<PhaseTimes> before = status.phases() == null ? List.of() : status.phases();
    Instant now = context.now();
    List<PhaseTimes> times = new ArrayList<>(before);
    if (times.isEmpty()) {
      times.add(new PhaseTimes(Phase.Pending.name(), context.created().toString(), null));
    }
    boolean leaves = next != context.phase();
    if (anew) {
      times.removeIf(t -> t.phase().equals(next.name()));
      times.add(new PhaseTimes(next.name(), rfc3339(now), null));
    } else if (leaves || opened != null) {
      Instant end = now;
      PhaseTimes stood = leaves && next == Phase.Commitment ? stoodStill(context) : null;
      if (stood != null) {
        end = Instant.parse(stood.startedAt());
      }
      Instant finished = end;
      times.replaceAll(
          t ->
              t.finishedAt() == null
                  ? new PhaseTimes(t.phase(), t.startedAt(), rfc3339(finished))
                  : t);
      if (stood != null) {
        times.add(stood);
      }
      if (opened != null) {
        // The list is a map by phase: an earlier clean-up that came too late makes way.
        times.removeIf(t -> t.phase().equals(opened));
        times.add(new PhaseTimes(opened, rfc3339(now), null));
      } else if (!next.isTerminal()) {
        times.add(new PhaseTimes(next.name(), rfc3339(now), null));
      }
    }
    return List.copyOf(times.subList(Math.max(0, times.size() - MAX_PHASES), times.size()));
  }

  /** The stop-and-copy that was too short to be written while it lasted. */
  private static @Nullable PhaseTimes stoodStill(MigrationContext context) {
    if (context.phase() != Phase.PreCopy || context.spec().cold()) {
      return null;
    }
    SourceReport report = context.source().orElse(null);
    Result result = report == null ? null : report.result();
    if (report == null || result == null || result.downtimeMilliseconds() == null) {
      return null;
    }
    Instant end = Instant.parse(report.since());
    Instant start = end.minusMillis(result.downtimeMilliseconds());
    Instant began = context.phaseSince();
    return new PhaseTimes(
        Phase.StopAndCopy.name(), rfc3339(start.isBefore(began) ? began : start), rfc3339(end));
  }

  private static String rfc3339(Instant instant) {
    return instant.truncatedTo(ChronoUnit.MILLIS).toString();
  }

  private static String bool(boolean value) {
    return value ? Condition.TRUE : Condition.FALSE;
  }

  private static <T> @Nullable T or(@Nullable T changed, @Nullable T before) {
    return changed == null ? before : changed;
  }
}
