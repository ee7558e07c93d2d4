package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.handover.Evidence;
import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.handover.HandOver;
import dev.drover.node.handover.Verdict;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.source.RunningTransfer.Decider;
import dev.drover.node.source.TransferRun.StopRequest;
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
  private static final Duration ABORT_SHOULD_TAKE = Duration.ofSeconds(30);

  private final RunningTransfer transfer;
  private final AtomicReference<@Nullable StopRequest> stopRequest;
  private final Steering steering;
  private final BandwidthTuner tuner;
  private final PostCopyRecovery recovery;
  private final ProgressMeter meter;
  private final Undecided undecided;
  private final Switchover switchover;
  private Instant lastAnswer;
  private @Nullable Instant abortSentAt;
  private String toldTrouble = "";

  TransferWatch(
      RunningTransfer transfer,
      AtomicReference<@Nullable StopRequest> stopRequest,
      Steering steering,
      BandwidthTuner tuner,
      ProgressMeter meter,
      Undecided undecided,
      Switchover switchover) {
    this.transfer = transfer;
    this.stopRequest = stopRequest;
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
          attempt("end the transfer", this::abortIfAsked);
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

  private void abortIfAsked() throws HypervisorException {
    if (stopRequest.get() != null && abortSentAt == null && mayAbort()) {
      transfer.hypervisor().abortJob(transfer.order().uuid());
      abortSentAt = transfer.clock().instant();
      LOG.info(transfer.voice().ref()).log("The transfer was told to end");
    }
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
    } else if (abortSentAt != null && abortSentAt.plus(ABORT_SHOULD_TAKE).isBefore(now)) {
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

  /** Says Stopped, if the transfer is over and the guest is here. */
  void judge() {
    var call = transfer.call();
    if (call == Call.Open) {
      return;
    }
    var source = transfer.sourceView();
    var evidence =
        new Evidence(
            false,
            Release.None,
            source,
            source == SourceView.AsBefore ? transfer.peer().view() : TargetView.Unknown,
            call,
            transfer.order().guest().paused());
    switch (HandOver.decide(evidence)) {
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
      case Verdict.Wait(var because) -> {
        if (source != SourceView.HeldForPostCopy) { // that is for the recovery to mend and to tell
          undecided.because(because);
        }
      }
      case Verdict.Switched(), Verdict.ResumeTarget(), Verdict.GuestLost() ->
          throw new IllegalStateException("not while the source's process lives: " + evidence);
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
