package dev.drover.node.target;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.api.v1alpha1.TargetReport.Doorway;
import dev.drover.api.v1alpha1.TargetReport.Pinning;
import dev.drover.api.v1alpha1.Text;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.ReportQueue;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What this node says as the target: the report and its condition, always both. */
final class TargetReports {
  private final String nodeName;
  private final ReportQueue queue;
  private final InstantSource clock;

  TargetReports(String nodeName, ReportQueue queue, InstantSource clock) {
    this.nodeName = nodeName;
    this.queue = queue;
    this.clock = clock;
  }

  /**
   * What was said last of this attempt: by this process, or by an earlier one if the object has it.
   */
  Optional<TargetReport> last(LiveMigration migration) {
    return queue
        .newest(migration.getMetadata().getUid())
        .map(LiveMigrationStatus::target)
        .filter(report -> report.attemptNumber() == migration.getStatus().attemptNumber())
        .or(() -> migration.getStatus().currentTarget());
  }

  void say(
      LiveMigration migration,
      TargetReport.State state,
      Reason reason,
      String message,
      @Nullable List<DiskPlan> plan) {
    say(migration, state, reason, message, plan, null);
  }

  /** {@code pinning}: null if the guest's pins stay. */
  void say(
      LiveMigration migration,
      TargetReport.State state,
      Reason reason,
      String message,
      @Nullable List<DiskPlan> plan,
      @Nullable Pinning pinning) {
    say(migration, state, reason.name(), message, null, plan, pinning, null, null, null);
  }

  /** As the end of a sentence. */
  static String words(Pinning pinning) {
    if (pinning.dropsAll()) {
      return "; it will be pinned to nothing";
    }
    return Stream.of(
            words("CPU", pinning.cpusOrEmpty()), words("NUMA node", pinning.numaNodesOrEmpty()))
        .flatMap(Optional::stream)
        .collect(Collectors.joining());
  }

  private static Optional<String> words(String what, List<Pinning.Move> moves) {
    return moves.isEmpty()
        ? Optional.empty()
        : Optional.of(
            moves.stream()
                .limit(8)
                .map(move -> "%d for %d".formatted(move.to(), move.from()))
                .collect(
                    Collectors.joining(
                        ", ", "; " + what + " ", moves.size() > 8 ? ", and others" : "")));
  }

  /** What the copies of a cold migration hold. */
  void sayReadBack(
      LiveMigration migration, @Nullable List<DiskPlan> plan, List<DiskDigest> digests) {
    say(
        migration,
        TargetReport.State.Reserved,
        Reason.TargetReserved.name(),
        "The copies of %d disks were read back".formatted(digests.size()),
        null,
        plan,
        migration.getStatus().currentTarget().map(TargetReport::pinning).orElse(null),
        digests,
        null,
        null);
  }

  /** What a check has found. */
  void found(LiveMigration migration, TargetCheck.Outcome outcome, String messageIfItFits) {
    var blockers = outcome.blockers();
    var warnings = outcome.warnings().isEmpty() ? null : outcome.warnings();
    if (outcome.fits()) {
      say(
          migration,
          TargetReport.State.Checked,
          Reason.TargetChecked.name(),
          messageIfItFits,
          null,
          outcome.plan(),
          outcome.pinning().orElse(null),
          null,
          outcome.doorway(),
          warnings);
    } else {
      say(
          migration,
          TargetReport.State.Refused,
          blockers.getFirst().reason(),
          Blocker.sentence(blockers),
          blockers,
          null,
          null,
          null,
          outcome.doorway(),
          warnings);
    }
  }

  private void say(
      LiveMigration migration,
      TargetReport.State state,
      String reason,
      String message,
      @Nullable List<Blocker> blockers,
      @Nullable List<DiskPlan> plan,
      @Nullable Pinning pinning,
      @Nullable List<DiskDigest> digests,
      @Nullable Doorway doorway,
      @Nullable List<Blocker> warnings) {
    var now = clock.instant();
    var report =
        new TargetReport(
            nodeName,
            state,
            reason,
            Text.limit(message, 1024),
            now.truncatedTo(ChronoUnit.MILLIS).toString(),
            blockers,
            plan,
            pinning,
            digests,
            doorway,
            warnings,
            migration.getStatus().attempt());
    var condition =
        Condition.of(
                ConditionType.TargetReady,
                switch (state) {
                  case Reserved, Settled -> Condition.TRUE;
                  case Checked -> Condition.UNKNOWN;
                  case Refused, Clean -> Condition.FALSE;
                },
                Reason.valueOf(reason),
                message,
                now,
                migration.getMetadata().getGeneration())
            .replacing(migration.getStatus().condition(ConditionType.TargetReady).orElse(null));
    var unused =
        queue.say(
            MigrationRef.of(migration),
            LiveMigrationStatus.builder().target(report).conditions(List.of(condition)).build(),
            ReportQueue.Urgency.Now);
  }

  void forget(LiveMigration migration) {
    queue.forget(migration.getMetadata().getUid());
  }
}
