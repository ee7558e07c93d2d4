package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.operator.event.EventRecorder;
import dev.drover.operator.event.EventRecorder.Type;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells people and the log about each phase: one event per change, none for what is repeated. */
public final class Announcements implements MigrationListener {
  private static final Logger LOGGER = LoggerFactory.getLogger(Announcements.class);

  private final EventRecorder events;

  public Announcements(EventRecorder events) {
    this.events = events;
  }

  @Override
  public void written(LiveMigrationStatus before, LiveMigration written) {
    LiveMigrationStatus after = written.getStatus();
    Phase phase = after.phaseValue();
    boolean phaseChanged = before.phaseValue() != phase;
    // A dry run asks one host after the other; status.candidates tells what came of it.
    boolean dryRun = written.getSpec() != null && written.getSpec().dryRunRequested();
    boolean retargeted =
        !dryRun
            && before.targetNode() != null
            && !Objects.equals(before.targetNode(), after.targetNode());
    Failure failure = after.failure();
    if (before.attemptNumber() != after.attemptNumber()) {
      anotherFollows(written);
      return;
    }
    if (phaseChanged || retargeted) {
      String note =
          after
              .condition(ConditionType.Ready)
              .map(c -> Objects.requireNonNullElse(c.message(), c.reason()))
              .orElse(phase.name());
      Reason reason =
          dryRun && phase == Phase.Succeeded ? Reason.CheckPassed : reason(phase, failure);
      boolean well = phase != Phase.Failed;
      events.record(
          written,
          well ? Type.Normal : Type.Warning,
          reason,
          note,
          phase + "/" + after.targetNode());
      LOGGER
          .atInfo()
          .addKeyValue("migration", written.getMetadata().getName())
          .addKeyValue("namespace", written.getMetadata().getNamespace())
          .addKeyValue("phase", phase)
          .addKeyValue("reason", failure == null ? reason : failure.reason())
          .addKeyValue("node", after.targetNode())
          .log(note);
    }
    if (saysTooLate(after) && !saysTooLate(before) && before.failure() == null) {
      events.record(
          written,
          Type.Warning,
          Reason.AbortTooLate,
          "The guest runs at " + after.targetNode() + " already: the migration can only go on.",
          "");
    } else if (before.failure() != null && failure == null) {
      events.record(
          written,
          Type.Warning,
          Reason.AbortTooLate,
          "The guest had already moved to " + after.targetNode() + "; the migration goes on.",
          "");
    } else if (before.failure() == null && failure != null && !phase.isTerminal()) {
      events.record(
          written,
          failure.wasAskedFor() ? Type.Normal : Type.Warning,
          Reason.CleaningUp,
          failure.message(),
          failure.reason());
      LOGGER
          .atWarn()
          .addKeyValue("migration", written.getMetadata().getName())
          .addKeyValue("namespace", written.getMetadata().getNamespace())
          .addKeyValue("phase", phase)
          .addKeyValue("reason", failure.reason())
          .addKeyValue("node", failure.node())
          .log(failure.message());
    }
  }

  /** The source's daemon has no voice for events: what it has decided is told from its report. */
  @Override
  public void seen(LiveMigration migration) {
    LiveMigrationStatus status = migration.getStatus();
    if (status == null || status.decisions() == null) {
      return;
    }
    for (var decision : status.decisions()) {
      events.record(
          migration,
          decision.decision().equals("GiveUp") ? Type.Warning : Type.Normal,
          Reason.Decided,
          decision.decision() + ": " + decision.because(),
          decision.time() + "/" + decision.decision());
    }
  }

  private static boolean saysTooLate(LiveMigrationStatus status) {
    return status
        .condition(ConditionType.Reconciling)
        .filter(c -> c.reason().equals(Reason.AbortTooLate.name()))
        .isPresent();
  }

  private void anotherFollows(LiveMigration written) {
    LiveMigrationStatus status = written.getStatus();
    String note =
        status
            .condition(ConditionType.Ready)
            .map(c -> Objects.requireNonNullElse(c.message(), c.reason()))
            .orElse(Reason.WaitingToRetry.meaning());
    events.record(
        written, Type.Warning, Reason.WaitingToRetry, note, "attempt/" + status.attemptNumber());
    LOGGER
        .atWarn()
        .addKeyValue("migration", written.getMetadata().getName())
        .addKeyValue("namespace", written.getMetadata().getNamespace())
        .addKeyValue("attempt", status.attemptNumber())
        .log(note);
  }

  private static Reason reason(Phase phase, @Nullable Failure failure) {
    if (failure != null) {
      try {
        return Reason.valueOf(failure.reason());
      } catch (IllegalArgumentException e) {
        // A newer daemon's word; the note has its sentence.
        return Reason.CleaningUp;
      }
    }
    return switch (phase) {
      case Pending -> Reason.Accepted;
      case PreMigration -> Reason.Checking;
      case Reservation -> Reason.Reserving;
      case PreCopy -> Reason.Transferring;
      case StopAndCopy -> Reason.Switching;
      case PostCopy -> Reason.PostCopying;
      case Commitment -> Reason.Committing;
      case Succeeded -> Reason.Succeeded;
      case Failed, Aborted -> Reason.CleaningUp;
    };
  }
}
