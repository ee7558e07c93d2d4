package dev.drover.node.source;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Forecast;
import dev.drover.api.v1alpha1.LiveMigrationStatus.NotApplied;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Progress;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Tuning;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.Reach;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.api.v1alpha1.Text;
import dev.drover.node.convergence.Decision;
import dev.drover.node.convergence.Sample;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.ReportQueue;
import dev.drover.node.report.ReportQueue.Urgency;
import dev.drover.node.report.StatusApplier.Outcome;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What this node says as the source: the report, the progress and three conditions, always all of
 * them.
 */
final class SourceReports {
  private static final int MOST_DECISIONS = 16;

  private final String nodeName;
  private final ReportQueue queue;
  private final InstantSource clock;
  private final MeterRegistry metrics;

  SourceReports(String nodeName, ReportQueue queue, InstantSource clock, MeterRegistry metrics) {
    this.nodeName = nodeName;
    this.queue = queue;
    this.clock = clock;
    this.metrics = metrics;
  }

  String nodeName() {
    return nodeName;
  }

  /**
   * What was said last of this attempt: by this process, or by an earlier one if the object has it.
   */
  Optional<SourceReport> last(LiveMigration migration) {
    return queue
        .newest(migration.getMetadata().getUid())
        .map(LiveMigrationStatus::source)
        .filter(report -> report.attemptNumber() == migration.getStatus().attemptNumber())
        .or(() -> migration.getStatus().currentSource());
  }

  /** One migration's voice, for whoever speaks of it from now on. */
  Voice of(LiveMigration migration) {
    return new Voice(
        MigrationRef.of(migration),
        migration.getMetadata().getGeneration(),
        migration.getStatus().attempt(),
        queue
            .newest(migration.getMetadata().getUid())
            .filter(word -> isOfAttempt(word, migration.getStatus().attemptNumber()))
            .orElse(
                migration.getStatus().currentSource().isPresent()
                    ? migration.getStatus()
                    : LiveMigrationStatus.builder().build()));
  }

  /** What was said of an attempt before is no beginning for this one. */
  private static boolean isOfAttempt(LiveMigrationStatus word, int attempt) {
    var report = word.source();
    return report != null && report.attemptNumber() == attempt;
  }

  void forget(LiveMigration migration) {
    queue.forget(migration.getMetadata().getUid());
  }

  /** Thread-safe: a transfer's threads and the role speak through the same one. */
  final class Voice {
    private final MigrationRef ref;
    private final @Nullable Long generation;
    private final @Nullable Integer attempt;
    private LiveMigrationStatus said;

    private Voice(
        MigrationRef ref,
        @Nullable Long generation,
        @Nullable Integer attempt,
        LiveMigrationStatus said) {
      this.ref = ref;
      this.generation = generation;
      this.attempt = attempt;
      this.said = said;
    }

    MigrationRef ref() {
      return ref;
    }

    CompletableFuture<Outcome> say(
        State state, Reason reason, String message, @Nullable Guest guest) {
      return say(state, reason, message, guest, null, null);
    }

    /** {@code blockers}: not empty; {@code guest}: null if it could not be described. */
    void sayBlocked(State state, List<Blocker> blockers, @Nullable Guest guest) {
      var unused =
          say(
              state,
              Reason.valueOf(blockers.getFirst().reason()),
              Blocker.sentence(blockers),
              blockers,
              guest,
              null,
              null,
              null);
    }

    /** {@code progress}: null for what was said last. */
    CompletableFuture<Outcome> say(
        State state,
        Reason reason,
        String message,
        @Nullable Guest guest,
        @Nullable Result result,
        @Nullable Progress progress) {
      return say(state, reason, message, null, guest, result, progress, null);
    }

    /** The same of a cold migration. */
    CompletableFuture<Outcome> say(
        State state,
        Reason reason,
        String message,
        @Nullable Guest guest,
        @Nullable Result result,
        @Nullable Progress progress,
        Cold cold) {
      return say(state, reason, message, null, guest, result, progress, cold);
    }

    /** {@code cold}: null for what was said last. */
    private synchronized CompletableFuture<Outcome> say(
        State state,
        Reason reason,
        String message,
        @Nullable List<Blocker> blockers,
        @Nullable Guest guest,
        @Nullable Result result,
        @Nullable Progress progress,
        @Nullable Cold cold) {
      var now = clock.instant();
      var previous = said.source();
      if (previous != null && isFinal(previous.state()) && !isFinal(state)) {
        // One thread was still looking while the other one knew; what is final stays.
        return CompletableFuture.completedFuture(Outcome.Written);
      }
      var since =
          previous != null && previous.state() == state
              ? previous.since()
              : now.truncatedTo(ChronoUnit.MILLIS).toString();
      var report =
          new SourceReport(
              nodeName,
              state,
              reason.name(),
              Text.limit(message, 1024),
              since,
              blockers,
              null,
              guest,
              result,
              cold == null && previous != null ? previous.cold() : cold,
              attempt,
              previous == null ? null : previous.releasedAt());
      return put(
          report,
          progress == null ? said.progress() : progress,
          said.tuning(),
          conditions(state, reason, message, blockers != null, now),
          Urgency.Now);
    }

    private static boolean isFinal(State state) {
      return switch (state) {
        case Refused, Switched, Stopped, GuestLost, CleanedUp -> true;
        case Inspected, Transferring, Switching, PostCopying, HandOverPending -> false;
      };
    }

    /** How far the transfer obeys the spec of that generation. */
    synchronized void tuned(long generation, List<NotApplied> notApplied) {
      if (said.source() == null || isFinal(said.source().state())) {
        return;
      }
      var unused =
          put(
              said.source(),
              said.progress(),
              new Tuning(generation, notApplied.isEmpty() ? null : notApplied, pausedAtText()),
              said.conditions(),
              Urgency.Now);
    }

    /** The guest is about to be stopped by Drover; written once it may be. */
    synchronized CompletableFuture<Outcome> pausing(Instant at) {
      var before = said.tuning();
      return put(
          said.source(),
          said.progress(),
          new Tuning(
              before == null ? null : before.observedGeneration(),
              before == null ? null : before.notApplied(),
              at.truncatedTo(ChronoUnit.MILLIS).toString()),
          said.conditions(),
          Urgency.Now);
    }

    /** When Drover stopped the guest, by this daemon or an earlier one. */
    synchronized Optional<Instant> pausedAt() {
      return Optional.ofNullable(pausedAtText()).map(Instant::parse);
    }

    private @Nullable String pausedAtText() {
      var tuning = said.tuning();
      return tuning == null ? null : tuning.pausedAt();
    }

    /**
     * What was decided, and what it was decided by. Written with the next progress; what is not
     * final may wait.
     */
    synchronized void decided(Decision decision, String because, Sample by) {
      Counter.builder("drover.daemon.decisions")
          .description("What was decided about running transfers")
          .tag("decision", decision.word())
          .register(metrics)
          .increment();
      if (said.source() == null || isFinal(said.source().state())) {
        return;
      }
      List<LiveMigrationStatus.Decision> decisions =
          new ArrayList<>(Objects.requireNonNullElse(said.decisions(), List.of()));
      decisions.add(
          new LiveMigrationStatus.Decision(
              clock.instant().truncatedTo(ChronoUnit.MILLIS).toString(),
              decision.word(),
              Text.limit(because, 1024),
              by.iteration(),
              by.memoryRemainingBytes(),
              mebibytes(by.memoryBytesPerSecond()),
              mebibytes(by.dirtyBytesPerSecond()),
              by.allowedDowntime().toMillis(),
              by.throttlePercent() == 0 ? null : Integer.valueOf(by.throttlePercent())));
      said =
          own(said.source(), said.progress(), said.tuning(), said.conditions())
              .decisions(
                  List.copyOf(
                      decisions.subList(
                          Math.max(0, decisions.size() - MOST_DECISIONS), decisions.size())))
              .build();
      var unused = queue.say(ref, said, Urgency.Eventually);
    }

    private static int mebibytes(long bytes) {
      return (int) Math.min(Integer.MAX_VALUE, (bytes + (1 << 19)) >> 20);
    }

    /** Counts a step of the watchdog. */
    void watchdogActed(String step) {
      Counter.builder("drover.daemon.watchdog")
          .description("What the watchdog did about transfers that kept their guest still")
          .tag("step", step)
          .register(metrics)
          .increment();
    }

    /** In a dry run: whether the target is reached; all else is as it was said. */
    synchronized void reaches(Reach reach) {
      amend(last -> with(last, reach, last.guest()));
    }

    /** More is known of the guest; all else is as it was said. */
    synchronized void describes(Guest guest) {
      amend(last -> with(last, last.reach(), guest));
    }

    private void amend(UnaryOperator<SourceReport> change) {
      SourceReport last = said.source();
      if (last == null || isFinal(last.state())) {
        return;
      }
      var unused =
          put(change.apply(last), said.progress(), said.tuning(), said.conditions(), Urgency.Now);
    }

    private static SourceReport with(
        SourceReport last, @Nullable Reach reach, @Nullable Guest guest) {
      return new SourceReport(
          last.nodeName(),
          last.state(),
          last.reason(),
          last.message(),
          last.since(),
          last.blockers(),
          reach,
          guest,
          last.result(),
          last.cold(),
          last.attempt(),
          last.releasedAt());
    }

    /**
     * Nothing can run the guest here any more; all else is as it was said. INVARIANT: never taken
     * back, not by a later word and not by a later life of this daemon, which goes on from what the
     * object has.
     */
    synchronized void released(Instant at) {
      amend(last -> last.released(at.truncatedTo(ChronoUnit.MILLIS).toString()));
    }

    /** What a transfer would take; all else is as it was said. */
    synchronized void expects(Forecast forecast, Urgency urgency) {
      if (said.source() == null || isFinal(said.source().state())) {
        return;
      }
      said =
          own(said.source(), said.progress(), said.tuning(), said.conditions())
              .forecast(forecast)
              .build();
      var unused = queue.say(ref, said, urgency);
    }

    synchronized Optional<Forecast> forecast() {
      return Optional.ofNullable(said.forecast());
    }

    /** Progress of the state that was said last. */
    synchronized void progress(Progress progress) {
      if (said.source() == null || isFinal(said.source().state())) {
        return; // measured just before the end, and said just after it
      }
      var unused =
          put(said.source(), progress, said.tuning(), said.conditions(), Urgency.Eventually);
    }

    private CompletableFuture<Outcome> put(
        @Nullable SourceReport report,
        @Nullable Progress progress,
        @Nullable Tuning tuning,
        @Nullable List<Condition> conditions,
        Urgency urgency) {
      said = own(report, progress, tuning, conditions).build();
      return queue.say(ref, said, urgency);
    }

    private LiveMigrationStatus.Builder own(
        @Nullable SourceReport report,
        @Nullable Progress progress,
        @Nullable Tuning tuning,
        @Nullable List<Condition> conditions) {
      return LiveMigrationStatus.builder()
          .source(report)
          .progress(progress)
          .tuning(tuning)
          .forecast(said.forecast())
          .decisions(said.decisions())
          .conditions(conditions);
    }

    private List<Condition> conditions(
        State state, Reason reason, String message, boolean blocked, Instant now) {
      List<Condition> conditions = new ArrayList<>();
      boolean refused = blocked || state == State.Refused;
      conditions.add(
          condition(
              ConditionType.SourceReady,
              refused ? Condition.FALSE : Condition.TRUE,
              refused ? reason : Reason.Inspected,
              refused ? message : "The guest can be moved",
              now));
      conditions.add(
          condition(
              ConditionType.Transferring,
              switch (state) {
                case Transferring, Switching, PostCopying -> Condition.TRUE;
                default -> Condition.FALSE;
              },
              reason,
              message,
              now));
      conditions.add(
          condition(
              ConditionType.Switched,
              switch (state) {
                case Switched, CleanedUp -> Condition.TRUE;
                case HandOverPending -> Condition.UNKNOWN;
                default -> Condition.FALSE;
              },
              reason,
              message,
              now));
      return List.copyOf(conditions);
    }

    private Condition condition(
        ConditionType type, String status, Reason reason, String message, Instant now) {
      return Condition.of(type, status, reason, message, now, generation)
          .replacing(said.condition(type).orElse(null));
    }
  }
}
