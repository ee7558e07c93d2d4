package dev.drover.node.source;

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
import dev.drover.node.source.TransferRun.StopRequest;
import dev.drover.node.watchdog.WatchdogPolicy;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Looks at a running transfer again and again: tells how far it is, steers it, ends it when that is
 * asked for, and says so if it is over while the source's process lives. Used by one thread.
 */
final class TransferWatch {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(TransferWatch.class));

  /**
   * libvirt wedges when it is told to abort in the last instants (testbed.md B.4c); they are let
   * pass.
   */
  private static final Duration SWITCHOVER_LET_PASS = Duration.ofSeconds(5);

  private static final Duration SILENCE_WORTH_TELLING = Duration.ofSeconds(10);
  private static final Duration STEADY = Duration.ofSeconds(1);
  private static final Duration ABORT_SHOULD_TAKE = Duration.ofSeconds(30);

  private final RunningTransfer transfer;
  private final AtomicReference<@Nullable StopRequest> stopRequest;
  private final WatchdogPolicy watchdog;
  private final Steering steering;
  private final BandwidthTuner tuner;
  private final PostCopyRecovery recovery;
  private final ProgressMeter meter;
  private final Undecided undecided;
  private final Switchover switchover;
  private Instant lastAnswer;
  private String toldTrouble = "";
  private final Optional<EmulatorProcess> process;
  private @Nullable Verdict lastVerdict;
  private Instant sameVerdictSince = Instant.MIN;

  TransferWatch(
      RunningTransfer transfer,
      Optional<EmulatorProcess> process,
      AtomicReference<@Nullable StopRequest> stopRequest,
      WatchdogPolicy watchdog,
      Steering steering,
      BandwidthTuner tuner,
      ProgressMeter meter,
      Undecided undecided,
      Switchover switchover) {
    this.transfer = transfer;
    this.process = process;
    this.stopRequest = stopRequest;
    this.watchdog = watchdog;
    this.steering = steering;
    this.tuner = tuner;
    this.recovery = new PostCopyRecovery(transfer, tuner);
    this.meter = meter;
    this.undecided = undecided;
    this.switchover = switchover;
    this.lastAnswer = transfer.clock().instant();
  }

  /**
   * One look. The steps are independent: what can't be done does not keep the others from being
   * done.
   */
  void look() {
    var now = transfer.clock().instant();
    Optional<JobStatistics> job = Optional.empty();
    try {
      job = transfer.job();
      lastAnswer = now;
    } catch (HypervisorException e) {
      LOG.info(transfer.voice().ref())
          .addKeyValue("error", e.getMessage())
          .log("libvirt could not be asked");
    }
    job.ifPresent(
        j -> {
          attempt("obey the spec", steering::tune);
          attempt("decide about convergence", () -> steering.decide(j));
          attempt("end the transfer", () -> abortIfAsked(j));
          transfer.expectation().look();
          transfer.voice().progress(meter.read(j, now));
          attempt("share the bandwidth", () -> tuner.tune(j, transfer.signals(), now));
        });
    var answered = job;
    attempt("mend the post-copy", () -> recovery.look(answered, now));
    tellTrouble(now);
  }

  @FunctionalInterface
  private interface Attempt {
    void run() throws HypervisorException;
  }

  private void attempt(String what, Attempt attempt) {
    try {
      attempt.run();
    } catch (HypervisorException e) {
      LOG.info(transfer.voice().ref())
          .addKeyValue("attempt", what)
          .addKeyValue("error", e.getMessage())
          .log("libvirt refused; it is tried again");
    }
  }

  /**
   * While memory is sent, libvirt's own abort may come in the very instant in which the guest is
   * stopped for the switchover; libvirt or QEMU then waits for ever for an event that has passed
   * (testbed.md B.4c, C.3). A broken stream is met at one place only, and so ends the transfer in
   * the same way at any moment. If there is none any more, it is too late for either.
   */
  private void abortIfAsked(JobStatistics job) throws HypervisorException {
    if (stopRequest.get() == null || transfer.abortedAt().isPresent() || !mayAbort()) {
      return;
    }
    boolean memoryIsSent = job.memoryTotalBytes() > 0;
    if (memoryIsSent && watchdog.mayBreakConnections() && transfer.connections().isPresent()) {
      try {
        if (transfer.connections().get().breakStreams() > 0) {
          transfer.aborted(transfer.clock().instant());
          LOG.info(transfer.voice().ref()).log("The transfer was ended by breaking its streams");
        }
        return;
      } catch (HypervisorException e) {
        LOG.info(transfer.voice().ref())
            .addKeyValue("error", e.getMessage())
            .log("The streams can't be broken; libvirt is told to end the transfer");
      }
    }
    transfer.hypervisor().abortJob(transfer.order().uuid());
    transfer.aborted(transfer.clock().instant());
    LOG.info(transfer.voice().ref()).log("The transfer was told to end");
  }

  private boolean mayAbort() {
    var signals = transfer.signals();
    // A guest that Drover has stopped stands still long before the last instants.
    return !signals.isPostCopy()
        && (signals.pausedAt().isPresent()
            || signals
                .suspendedAt()
                .map(at -> at.plus(SWITCHOVER_LET_PASS).isBefore(transfer.clock().instant()))
                .orElse(true));
  }

  /** DESIGN.md 6.7: every wait says in status what it waits for. */
  private void tellTrouble(Instant now) {
    String trouble = "";
    if (lastAnswer.plus(SILENCE_WORTH_TELLING).isBefore(now)) {
      trouble = "libvirt here does not answer for the guest; its transfer may go on";
    } else if (transfer.connections().isEmpty() // else the watchdog sees to it
        && transfer
            .abortedAt()
            .filter(at -> at.plus(ABORT_SHOULD_TAKE).isBefore(now))
            .isPresent()) {
      trouble =
          "libvirt was told to end the transfer and has not done so; a restart of this host's libvirtd cures that, and"
              + " the guest lives on";
    }
    if (!trouble.equals(toldTrouble)) {
      toldTrouble = trouble;
      var unused =
          trouble.isEmpty()
              ? transfer.say(switchover.state(), Reason.Transferring, "libvirt answers again")
              : transfer.say(switchover.state(), Reason.LibvirtError, trouble);
    }
  }

  /**
   * Says Stopped, if the transfer is over and the guest is here. If the guest is held here for a
   * transfer that is over, does what is needed for it to go on.
   */
  void judge() {
    if (process.filter(p -> p.awaitExit(Duration.ZERO)).isPresent()) {
      judgeEnd();
      return;
    }
    var call = transfer.call();
    if (call == Call.Open) {
      lastVerdict = null;
      return;
    }
    var verdict = HandOver.decide(evidence(call));
    switch (verdict) {
      case Verdict.Stopped() -> {
        // The process may have ended since: then it is the fence's to decide, and it has or will.
        if (transfer.decides(Decider.Watch)) {
          attempt(
              "end the transfer",
              () -> {
                letGoOn();
                sayStopped();
                transfer.end();
              });
        }
      }
      case Verdict.DiscardTarget() -> {
        // INVARIANT: from here on the fence resumes nothing: its guest is being destroyed.
        if (isSteady(verdict) && transfer.decides(Decider.Watch)) {
          cure("destroy the target's half", () -> transfer.peer().discard());
        }
      }
      case Verdict.ResumeSource() -> {
        if (isSteady(verdict) && transfer.decides(Decider.Watch)) {
          cure(
              "let the guest go on here",
              () -> transfer.hypervisor().resume(transfer.order().uuid()));
        }
      }
      case Verdict.EndSource() -> {
        if (isSteady(verdict)) {
          cure(
              "end what is left here of a guest that has run on at the target",
              () -> transfer.hypervisor().destroy(transfer.order().uuid()));
        }
      }
      case Verdict.Wait(var because) -> {
        if (transfer.sourceView() != SourceView.HeldForPostCopy) {
          undecided.because(because); // else it is for the recovery to mend and to tell
        }
      }
      case Verdict.Switched(), Verdict.ResumeTarget(), Verdict.GuestLost _, Verdict.Start() ->
          throw new IllegalStateException("not while the source's process lives: " + verdict);
    }
    if (!verdict.equals(lastVerdict)) {
      lastVerdict = verdict;
      sameVerdictSince = transfer.clock().instant();
    }
  }

  private Evidence evidence(Call call) {
    var source = transfer.sourceView();
    return new Evidence(
        false,
        Release.None,
        source,
        switch (source) {
          case AsBefore, HeldForMigration, HeldForPostCopy -> transfer.peer().view();
          case Inactive, Unknown -> transfer.peer().viewWithoutAsking();
        },
        call,
        transfer.order().guest().paused(),
        transfer.order().fenced(),
        Written.Started);
  }

  /** libvirt may be about to cure it itself: it does when it comes back after a crash. */
  private boolean isSteady(Verdict verdict) {
    return verdict.equals(lastVerdict)
        && sameVerdictSince.plus(STEADY).isBefore(transfer.clock().instant());
  }

  private void cure(String what, Attempt step) {
    LOG.warn(transfer.voice().ref())
        .addKeyValue("step", what)
        .log("libvirt has left the guest held");
    transfer.voice().watchdogActed("cure");
    attempt(what, step);
  }

  /** The process is gone: the fence's to decide, unless this watch has begun to. */
  private void judgeEnd() {
    if (transfer.isDecidedBy(Decider.Watch)) {
      var unused =
          transfer.say(
              State.GuestLost,
              Reason.GuestStopped,
              "The guest's process ended while it was being let go on here");
      transfer.end();
    }
  }

  /** The guest that Drover stopped for the transfer's sake goes on here. */
  private void letGoOn() throws HypervisorException {
    if (transfer.signals().pausedAt().isPresent()
        && !transfer.signals().isHeldByOwner(transfer.order().guest().paused())) {
      transfer.hypervisor().resume(transfer.order().uuid());
    }
  }

  private void sayStopped() {
    var stop = stopRequest.get();
    if (stop != null) {
      var unused = transfer.say(State.Stopped, stop.reason(), stop.message());
      return;
    }
    var failure = transfer.failureOfCall();
    if (transfer.brokenBecause().isPresent()) {
      var unused =
          transfer.say(
              State.Stopped,
              Reason.ConnectionToTargetFailed,
              transfer.brokenBecause().get()
                  + ": Drover has broken the connections to "
                  + transfer.order().targetNode()
                  + ", so that the guest goes on here"
                  + failure.map(f -> ". " + TransferFailure.describe(f)).orElse(""));
      return;
    }
    var unused =
        failure.isPresent()
            ? transfer.say(
                State.Stopped,
                TransferFailure.reasonOf(failure.get()),
                TransferFailure.describe(failure.get()))
            : transfer.say(
                State.Stopped,
                Reason.TransferFailed,
                transfer.lastJob().isPresent()
                    ? "The transfer ended without success"
                    : "No transfer was running when the daemon came back; libvirt's reason is not known");
  }
}
