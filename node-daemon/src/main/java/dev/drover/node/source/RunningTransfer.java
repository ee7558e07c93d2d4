package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.Transfer;
import dev.drover.node.hypervisor.TransferConnections;
import dev.drover.node.report.StatusApplier.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What the threads of one transfer share: whom they speak for, what they know, and which of them
 * may say where the guest is. Thread-safe.
 */
final class RunningTransfer {
  /** The two that may decide. */
  enum Decider {
    /** While the source's process lives. */
    Watch,
    /** From its end on. */
    Fence
  }

  private final TransferOrder order;
  private final SourceReports.Voice voice;
  private final Expectation expectation;
  private final Hypervisor hypervisor;
  private final InstantSource clock;
  private final TransferSignals signals;
  private final PeerLink peer;
  private final AtomicReference<@Nullable Decider> decider = new AtomicReference<>();
  private volatile @Nullable Transfer call;
  private volatile @Nullable JobStatistics lastJob;
  private final AtomicReference<@Nullable Instant> startedAt = new AtomicReference<>();
  private volatile boolean over;
  private volatile @Nullable TransferConnections connections;
  private volatile @Nullable Instant abortedAt;
  private volatile @Nullable String brokenBecause;
  private volatile boolean jobSeen;

  RunningTransfer(
      TransferOrder order,
      SourceReports.Voice voice,
      Expectation expectation,
      Hypervisor hypervisor,
      InstantSource clock,
      TransferSignals signals,
      PeerLink peer) {
    this.order = order;
    this.voice = voice;
    this.expectation = expectation;
    this.hypervisor = hypervisor;
    this.clock = clock;
    this.signals = signals;
    this.peer = peer;
  }

  TransferOrder order() {
    return order;
  }

  SourceReports.Voice voice() {
    return voice;
  }

  Expectation expectation() {
    return expectation;
  }

  Hypervisor hypervisor() {
    return hypervisor;
  }

  InstantSource clock() {
    return clock;
  }

  TransferSignals signals() {
    return signals;
  }

  PeerLink peer() {
    return peer;
  }

  /**
   * INVARIANT: the first to ask decides, and nobody else ever does: Stopped and resumed can't both
   * come out.
   */
  boolean decides(Decider asking) {
    return decider.compareAndSet(null, asking) || decider.get() == asking;
  }

  boolean isDecidedBy(Decider one) {
    return decider.get() == one;
  }

  /** It was said where the guest is; both threads may end. */
  void end() {
    over = true;
    signals.wake();
  }

  boolean isOver() {
    return over;
  }

  /** Its connections, once they can be watched. */
  Optional<TransferConnections> connections() {
    return Optional.ofNullable(connections);
  }

  void watched(TransferConnections its) {
    connections = its;
  }

  /** When libvirt was told to end it. */
  Optional<Instant> abortedAt() {
    return Optional.ofNullable(abortedAt);
  }

  void aborted(Instant at) {
    abortedAt = at;
  }

  /** Why its connections were broken by this daemon, if they were; the first reason counts. */
  Optional<String> brokenBecause() {
    return Optional.ofNullable(brokenBecause);
  }

  void brokenBecause(String because) {
    if (brokenBecause == null) {
      brokenBecause = because;
    }
  }

  /**
   * Whether libvirt has not ended it, as far as is known without asking: of a transfer that an
   * earlier daemon has started, whether there was a job when libvirt was asked last.
   */
  boolean isOpen() {
    var own = call;
    return own == null ? jobSeen : !own.returned().isDone();
  }

  void started(Transfer transfer) {
    call = transfer;
  }

  Optional<Transfer> ownCall() {
    return Optional.ofNullable(call);
  }

  /** The job, while it is a running transfer. */
  Optional<JobStatistics> job() throws HypervisorException {
    var job =
        hypervisor
            .job(order.uuid())
            .filter(
                j ->
                    j.operation() == JobStatistics.Operation.MigrationOut
                        && j.state() == JobStatistics.State.Active)
            .map(this::timedHere);
    job.ifPresent(j -> lastJob = j);
    jobSeen = job.isPresent();
    return job;
  }

  /**
   * libvirt reckons by the host's time of day, which may be set meanwhile: from the first look on,
   * this daemon's clock counts.
   */
  private JobStatistics timedHere(JobStatistics job) {
    var now = clock.instant();
    startedAt.compareAndSet(null, now.minusMillis(job.elapsedMilliseconds()));
    return job.withElapsedMilliseconds(elapsedUntil(now).orElseThrow().toMillis());
  }

  /** How long it has taken by then; empty if it was never seen to run. */
  Optional<Duration> elapsedUntil(Instant now) {
    return Optional.ofNullable(startedAt.get()).map(since -> Duration.between(since, now));
  }

  Optional<JobStatistics> lastJob() {
    return Optional.ofNullable(lastJob);
  }

  /**
   * How libvirt's call stands. While there is a job, it is open, whatever became of our call: the
   * job is libvirtd's, and the call may be an earlier daemon's, or have lost its connection. Of a
   * post-copy that is broken libvirt keeps the job, but not the call.
   */
  Call call() {
    var own = call;
    if (own != null && !own.returned().isDone()) {
      return Call.Open;
    }
    if (own != null && !own.returned().isCompletedExceptionally()) {
      return Call.Succeeded;
    }
    try {
      return job().isPresent() && !isPostCopyBroken() ? Call.Open : Call.Failed;
    } catch (HypervisorException e) {
      return Call.Open; // can't be told now
    }
  }

  boolean isPostCopyBroken() throws HypervisorException {
    return hypervisor.domain(order.uuid()).filter(DomainState::isPostCopyBroken).isPresent();
  }

  /** Why libvirt's call failed, if it was ours and did. */
  Optional<HypervisorException> failureOfCall() {
    var own = call;
    if (own == null || !own.returned().isCompletedExceptionally()) {
      return Optional.empty();
    }
    var cause = own.returned().exceptionNow();
    return Optional.of(
        cause instanceof HypervisorException known
            ? known
            : new HypervisorException(Kind.Other, String.valueOf(cause.getMessage()), cause));
  }

  SourceView sourceView() {
    try {
      return hypervisor
          .domain(order.uuid())
          .map(
              domain ->
                  switch (domain.run()) {
                    case Running, Paused -> SourceView.AsBefore;
                    case PausedForMigration -> SourceView.HeldForMigration;
                    case PausedForPostCopy -> SourceView.HeldForPostCopy;
                    case ShutOff -> SourceView.Inactive;
                    case RunningPostCopy, StartingUp, Other -> SourceView.Unknown;
                  })
          .orElse(SourceView.Inactive);
    } catch (HypervisorException e) {
      return SourceView.Unknown;
    }
  }

  CompletableFuture<Outcome> say(State state, Reason reason, String message) {
    return voice.say(state, reason, message, order.guest());
  }
}
