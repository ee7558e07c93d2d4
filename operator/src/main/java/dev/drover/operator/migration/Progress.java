package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What a step has found out. One of these per reconcile becomes at most one write. */
public sealed interface Progress {

  /** This step has nothing to say; the next one is asked. */
  record Proceed() implements Progress {}

  /** All goes as it should; what status says already is still right. */
  record Quiet(Optional<Duration> recheckAfter) implements Progress {}

  /**
   * Something is missing, and status says what.
   *
   * @param stalled it will not come by itself, or should have come long ago
   */
  record Wait(
      Reason reason,
      String message,
      Optional<Duration> recheckAfter,
      boolean stalled,
      Changes changes)
      implements Progress {}

  /** The next phase, or the same one anew (another target). */
  record Become(Phase phase, Reason reason, String message, Changes changes) implements Progress {}

  /**
   * It is to end without success. Ends at once where nothing has been made yet (Pending); otherwise
   * the phase stays until all is clean.
   */
  record Fail(Failure failure, Changes changes) implements Progress {}

  /**
   * All is clean after a failure: another attempt follows ({@link Attempts}), or the terminal phase
   * that the failure asks for.
   */
  record End(Failure failure) implements Progress {}

  /** Nothing will ever change any more. */
  record Rest(Optional<Duration> recheckAfter) implements Progress {}

  /** The object has outlived its time to live. */
  record Delete() implements Progress {}

  /** The same answer, looked at again after {@code most} at the latest. */
  default Progress recheckedWithin(Duration most) {
    return switch (this) {
      case Quiet quiet -> new Quiet(Optional.of(sooner(quiet.recheckAfter(), most)));
      case Wait wait ->
          new Wait(
              wait.reason(),
              wait.message(),
              Optional.of(sooner(wait.recheckAfter(), most)),
              wait.stalled(),
              wait.changes());
      case Proceed _, Become _, Fail _, End _, Rest _, Delete _ -> this;
    };
  }

  private static Duration sooner(Optional<Duration> recheckAfter, Duration most) {
    return recheckAfter.filter(after -> after.compareTo(most) < 0).orElse(most);
  }

  static Progress proceed() {
    return new Proceed();
  }

  static Progress quiet() {
    return new Quiet(Optional.empty());
  }

  static Progress quiet(Duration recheckAfter) {
    return new Quiet(Optional.of(recheckAfter));
  }

  static Progress waitFor(Reason reason, String message, Duration recheckAfter, Changes changes) {
    return new Wait(reason, message, Optional.of(recheckAfter), false, changes);
  }

  /** A wait that only an event ends. */
  static Progress waitFor(Reason reason, String message, Changes changes) {
    return new Wait(reason, message, Optional.empty(), false, changes);
  }

  /** A wait that has become one for a person. */
  static Progress stalled(Reason reason, String message) {
    return new Wait(reason, message, Optional.empty(), true, Changes.NONE);
  }

  static Progress become(Phase phase, Reason reason, String message, Changes changes) {
    return new Become(phase, reason, message, changes);
  }

  static Progress fail(
      MigrationContext context, Reason reason, String message, @Nullable String node) {
    return fail(context, reason, message, node, Changes.NONE);
  }

  static Progress fail(
      MigrationContext context,
      Reason reason,
      String message,
      @Nullable String node,
      Changes changes) {
    return new Fail(Failure.of(reason, message, node, context.phase()), changes);
  }

  /** A daemon's own word and sentence, passed on as they are. */
  static Progress failAsReported(
      MigrationContext context, String reason, @Nullable String message, @Nullable String node) {
    return failAsReported(context, reason, message, node, Changes.NONE);
  }

  static Progress failAsReported(
      MigrationContext context,
      String reason,
      @Nullable String message,
      @Nullable String node,
      Changes changes) {
    String text = message == null || message.isBlank() ? reason : message;
    return new Fail(new Failure(reason, text, node, context.phase().name()), changes);
  }
}
