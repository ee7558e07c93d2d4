package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.handover.Evidence;
import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.handover.Evidence.Written;
import dev.drover.node.handover.HandOver;
import dev.drover.node.handover.Verdict;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.source.RunningTransfer.Decider;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Waits for the end of the source's process, and then hands over at once: no poll, no API server in
 * between (DESIGN.md 6.1). While it waits it asks libvirt nothing, so it is the one that can always
 * tell of the switchover.
 */
final class Fence implements Runnable {
  private static final MigrationLog LOG = new MigrationLog(LoggerFactory.getLogger(Fence.class));
  private static final Duration LISTEN = Duration.ofMillis(200);
  private static final long FIRST_PAUSE_MILLISECONDS = 3;
  private static final long LOOK_AGAIN_FROM_MILLISECONDS = 100;
  private static final long LONGEST_PAUSE_MILLISECONDS = 500;

  private final RunningTransfer transfer;
  private final Optional<EmulatorProcess> process;
  private final ProgressMeter meter;
  private final Undecided undecided;
  private final Switchover switchover;
  private final Instant startedAt;
  private @Nullable Instant processGoneAt;

  /**
   * @param process the source's process, held since before the transfer or since this daemon's
   *     start; empty if it was gone already when this daemon started
   */
  Fence(
      RunningTransfer transfer,
      Optional<EmulatorProcess> process,
      ProgressMeter meter,
      Undecided undecided,
      Switchover switchover,
      Instant startedAt) {
    this.transfer = transfer;
    this.process = process;
    this.meter = meter;
    this.undecided = undecided;
    this.switchover = switchover;
    this.startedAt = startedAt;
  }

  @Override
  public void run() {
    boolean sawItEnd = process.isPresent();
    if (sawItEnd) {
      while (!process.get().awaitExit(LISTEN)) {
        if (transfer.isOver()) {
          return;
        }
        switchover.tell();
      }
    }
    processGoneAt = transfer.clock().instant();
    if (!transfer.decides(Decider.Fence)) {
      return; // it was said already that the guest is here
    }
    try {
      // What this daemon saw itself counts only for a hand-over that follows at once.
      handOver(sawItEnd && transfer.signals().suspendedAt().isPresent());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the daemon ends; the next one decides from evidence
    }
  }

  private void handOver(boolean sawItReleased) throws InterruptedException {
    var release = sawItReleased ? Release.Seen : Release.None;
    long pause = FIRST_PAUSE_MILLISECONDS;
    while (!transfer.isOver()) {
      boolean gone = true;
      if (release == Release.None || pause > LOOK_AGAIN_FROM_MILLISECONDS) {
        // Time has passed: somebody may have started the guest here again.
        gone = isGoneNow();
        release = releaseNow(sawItReleased);
      }
      var verdict =
          gone
              ? HandOver.decide(evidence(release))
              : new Verdict.Wait("the guest has a process here again");
      switch (verdict) {
        case Verdict.ResumeTarget() -> {
          if (resume()) {
            return;
          }
        }
        case Verdict.Switched() -> {
          switched(transfer.clock().instant());
          return;
        }
        case Verdict.GuestLost(var because, boolean hadArrived) -> {
          sayLost(because, hadArrived || mayHaveRunAtTarget(release));
          return;
        }
        case Verdict.Wait(var because) -> undecided.because(because);
        case Verdict.Stopped(),
            Verdict.Start(),
            Verdict.DiscardTarget(),
            Verdict.ResumeSource(),
            Verdict.EndSource() ->
            throw new IllegalStateException("a process that is gone keeps no guest");
      }
      TimeUnit.MILLISECONDS.sleep(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
    }
  }

  private void sayLost(String because, boolean mayHaveRunAtTarget) {
    var unused =
        mayHaveRunAtTarget
            ? transfer.say(
                State.GuestLost,
                Reason.GuestLostAfterSwitchover,
                because
                    + ". It had gone on there, or may have: what was copied of its disks is kept on "
                    + transfer.order().targetNode()
                    + ", and newer than what is here")
            : transfer.say(State.GuestLost, Reason.GuestStopped, because);
    transfer.end();
  }

  /**
   * INVARIANT: a disk that a guest may have written to is never removed; the target's daemon goes
   * by this. Who has not seen all of the transfer can't exclude it, but for a fenced guest: that
   * one leaves no definition here if it was let go on there.
   */
  private boolean mayHaveRunAtTarget(Release release) {
    boolean seenFromItsStart = transfer.ownCall().isPresent();
    var order = transfer.order();
    if (order.fenced()) {
      return release != Release.None || (!seenFromItsStart && !order.guest().persistent());
    }
    var signals = transfer.signals();
    return !seenFromItsStart || signals.isPostCopy() || signals.suspendedAt().isPresent();
  }

  private Evidence evidence(Release release) {
    return new Evidence(
        true,
        release,
        SourceView.Inactive,
        transfer.peer().view(),
        transfer.ownCall().isPresent() ? transfer.call() : Call.Failed,
        transfer.signals().isHeldByOwner(transfer.order().guest().paused()),
        transfer.order().fenced(),
        Written.Started);
  }

  private boolean isGoneNow() {
    try {
      var now = transfer.hypervisor().emulatorProcess(transfer.order().uuid());
      now.ifPresent(EmulatorProcess::close);
      return now.isEmpty();
    } catch (HypervisorException e) {
      return false; // can't be told now
    }
  }

  private Release releaseNow(boolean sawItReleased) {
    try {
      if (transfer.order().guest().persistent()
          && transfer.hypervisor().domain(transfer.order().uuid()).isEmpty()) {
        return Release.Undefined;
      }
    } catch (HypervisorException e) {
      return Release.None; // can't be told now
    }
    // Both say that the target has confirmed. A guest that stood still anyway is not suspended
    // for the switchover, so they are all there is of a transient one.
    boolean confirmed =
        process.isPresent()
            && (transfer.signals().completed().isPresent()
                || (transfer.ownCall().isPresent() && transfer.call() == Call.Succeeded));
    return (sawItReleased || confirmed) && !transfer.signals().wasStartedAgain()
        ? Release.Seen
        : Release.None;
  }

  private boolean resume() {
    try {
      transfer.peer().resume();
      switched(transfer.clock().instant());
      return true;
    } catch (HypervisorException e) {
      undecided.because("the target could not be told to resume: " + e.getMessage());
      return false;
    }
  }

  private void switched(Instant at) {
    var figures =
        transfer.peer().completedJob().or(transfer.signals()::completed).or(transfer::lastJob);
    var order = transfer.order();
    var unused =
        transfer
            .voice()
            .say(
                State.Switched,
                Reason.Committing,
                "The guest is at " + order.targetNode(),
                order.guest(),
                transfer.expectation().judge(result(figures, at)),
                figures.map(f -> meter.finished(f, at)).orElse(null));
    LOG.info(transfer.voice().ref())
        .addKeyValue("target", order.targetNode())
        .log("The guest has moved");
    transfer.end();
  }

  private Result result(Optional<JobStatistics> figures, Instant at) {
    var order = transfer.order();
    var gone = processGoneAt;
    Long libvirtDowntime =
        figures
            .map(JobStatistics::downtimeMilliseconds)
            .filter(ms -> ms.isPresent())
            .map(ms -> ms.getAsLong())
            .orElse(null);
    Long handOver = order.fenced() && gone != null ? Duration.between(gone, at).toMillis() : null;
    Long seen =
        order.fenced() || transfer.signals().pausedAt().isPresent()
            ? transfer
                .signals()
                .standsStillSince()
                .map(since -> Duration.between(since, at).toMillis())
                .orElse(null)
            : null;
    boolean stoodStillAnyway = order.guest().paused();
    return new Result(
        stoodStillAnyway ? null : seen != null ? seen : libvirtDowntime,
        stoodStillAnyway ? null : libvirtDowntime,
        handOver,
        transfer.elapsedUntil(at).orElse(Duration.between(startedAt, at)).toMillis(),
        figures.map(f -> f.memoryProcessedBytes() + f.diskProcessedBytes()).orElse(null),
        figures.map(JobStatistics::iteration).orElse(null),
        order.fenced() ? "Fenced" : "Direct",
        transfer.signals().isPostCopy());
  }
}
