package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigrationSpec.Retry;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Attempt;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.LiveMigrationStatus.PhaseTimes;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What {@code spec.retry} makes of an attempt that has ended and left nothing behind. Another one
 * follows only a failure that may pass by itself, never an abort, a deletion or the loss of the
 * guest.
 */
public final class Attempts {
  private static final int MAX = 10;

  private Attempts() {}

  /**
   * Whether another attempt follows.
   *
   * @param candidates the hosts that this attempt looked at
   */
  static boolean anotherFollows(
      MigrationContext context, Failure failure, @Nullable List<Candidate> candidates) {
    return mayGoOn(context, context.status().attemptNumber() + 1)
        && !context.spec().dryRunRequested()
        && context.phase().mayBeTriedAgain()
        && context.askedToEnd().isEmpty()
        && !failure.wasAskedFor()
        && context.sourceState().filter(s -> s == SourceReport.State.GuestLost).isEmpty()
        && mayPass(failure, candidates);
  }

  /** Whether {@code spec.retry}, as it is now, allows the attempt of that number. */
  public static boolean mayGoOn(MigrationContext context, int number) {
    Retry retry = context.spec().retry();
    return number == 1 || (retry != null && number <= retry.maxAttemptsOrDefault());
  }

  private static boolean mayPass(Failure failure, @Nullable List<Candidate> candidates) {
    // No host did; one of them may do a little later.
    return failure.reason().equals(Reason.NoSuitableTarget.name())
        ? Objects.requireNonNullElse(candidates, List.<Candidate>of()).stream()
            .anyMatch(c -> isTransient(c.reason()))
        : isTransient(failure.reason());
  }

  private static boolean isTransient(String reason) {
    try {
      return Reason.valueOf(reason).isTransient();
    } catch (IllegalArgumentException e) {
      return false; // a newer daemon's word
    }
  }

  /** Whether the present attempt has more than waited for its time. */
  static boolean hasBegun(MigrationContext context) {
    return context.phase() != Phase.Pending
        || (mayGoOn(context, context.status().attemptNumber())
            && context.heldUntil().filter(context.now()::isBefore).isEmpty());
  }

  /** The list with the present attempt, which ends now; unchanged without {@code spec.retry}. */
  static @Nullable List<Attempt> ended(
      MigrationContext context, String reason, @Nullable String message) {
    var status = context.status();
    if (context.spec().retry() == null && status.attempts() == null) {
      return null;
    }
    List<Attempt> attempts = new ArrayList<>(status.attemptsOrEmpty());
    attempts.add(
        new Attempt(
            status.attemptNumber(),
            status.sourceNode(),
            status.targetNode(),
            startedAt(context).truncatedTo(ChronoUnit.MILLIS).toString(),
            context.now().truncatedTo(ChronoUnit.MILLIS).toString(),
            reason,
            message));
    return List.copyOf(attempts.subList(Math.max(0, attempts.size() - MAX), attempts.size()));
  }

  private static Instant startedAt(MigrationContext context) {
    return Objects.requireNonNullElse(context.status().phases(), List.<PhaseTimes>of()).stream()
        .filter(p -> p.phase().equals(Phase.Pending.name()))
        .map(PhaseTimes::finishedAt)
        .filter(Objects::nonNull)
        .map(Instant::parse)
        .findFirst()
        .orElseGet(context::dueAt);
  }

  /** The attempt before this one, if there was one. */
  public static Optional<Attempt> previous(MigrationContext context) {
    List<Attempt> attempts = context.status().attemptsOrEmpty();
    return attempts.isEmpty() ? Optional.empty() : Optional.of(attempts.getLast());
  }

  /** When the pause after the attempt before is over, if there was one. */
  static Optional<Instant> backoffEnd(MigrationContext context) {
    Retry retry = context.spec().retry();
    return retry == null
        ? Optional.empty()
        : previous(context)
            .map(a -> Instant.parse(a.finishedAt()).plus(retry.backoffAfter(a.number())));
  }

  /** The hosts that this attempt must not go to. */
  public static Set<String> forbiddenTargets(MigrationContext context) {
    Retry retry = context.spec().retry();
    return retry == null || !retry.otherTargetsOnly()
        ? Set.of()
        : context.status().attemptsOrEmpty().stream()
            .map(Attempt::targetNode)
            .filter(Objects::nonNull)
            .collect(Collectors.toUnmodifiableSet());
  }
}
