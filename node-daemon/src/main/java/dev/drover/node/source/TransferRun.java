package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.bandwidth.BandwidthCap;
import dev.drover.node.convergence.Convergence;
import dev.drover.node.convergence.Decision;
import dev.drover.node.convergence.Sample;
import dev.drover.node.handover.Evidence;
import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.handover.HandOver;
import dev.drover.node.handover.Verdict;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.Transfer;
import dev.drover.node.hypervisor.TransferRequest;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.StatusApplier.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * One transfer from this host, from libvirt's call to the moment when it is known where the guest
 * is. Two threads: this one watches and steers; the {@link Fence} waits for the end of the source's
 * process and hands over.
 *
 * <p>The transfer is libvirt's: it goes on if this process ends, and the next one adopts it.
 */
final class TransferRun implements Runnable {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(TransferRun.class));
  private static final Duration TICK = Duration.ofMillis(200);
  private static final Duration INTENTION_DEADLINE = Duration.ofSeconds(30);
  private static final Duration SWITCHOVER_WORTH_TELLING = Duration.ofMillis(400);
  private static final Duration UNDECIDED_WORTH_TELLING = Duration.ofSeconds(5);
  private static final Duration CALL_RETURN_DEADLINE = Duration.ofSeconds(30);

  /**
   * libvirt wedges when it is told to abort in the last instants (testbed.md B.4c); they are let
   * pass.
   */
  private static final Duration SWITCHOVER_LET_PASS = Duration.ofSeconds(5);

  /** Whether the transfer is to be started or was found running. */
  enum Beginning {
    Fresh,
    /** An earlier daemon said that it would start it, and nobody has seen it run. */
    Intended,
    Adopted
  }

  /** Why it is to end early. */
  record StopRequest(Reason reason, String message) {}

  private final Beginning beginning;
  private final TransferOrder order;
  private final SourceReports.Voice voice;
  private final Hypervisor hypervisor;
  private final InstantSource clock;
  private final TransferSignals signals = new TransferSignals();
  private final ProgressMeter meter;
  private final AtomicReference<@Nullable StopRequest> stopRequest = new AtomicReference<>();
  private final PeerLink peer;
  private volatile @Nullable Transfer transfer;
  private volatile boolean over;
  private volatile @Nullable JobStatistics lastJob;
  private Instant startedAt;
  private Instant undecidedSince = Instant.MAX;
  private boolean abortSent;
  private boolean postCopyAsked;
  private State told = State.Transferring;
  private boolean jobSeen;

  TransferRun(
      Beginning beginning,
      TransferOrder order,
      SourceReports.Voice voice,
      Hypervisor hypervisor,
      InstantSource clock) {
    this.beginning = beginning;
    this.order = order;
    this.voice = voice;
    this.hypervisor = hypervisor;
    this.clock = clock;
    this.meter = new ProgressMeter(order.guest().memoryBytes());
    this.peer = new PeerLink(hypervisor, order.target(), order.uuid());
    this.startedAt = clock.instant();
  }

  TransferSignals signals() {
    return signals;
  }

  /** Asks for the end of the transfer; the first reason counts. */
  void requestStop(StopRequest request) {
    if (stopRequest.compareAndSet(null, request)) {
      signals.wake();
    }
  }

  @Override
  public void run() {
    try (peer) {
      switch (beginning) {
        case Fresh -> start();
        case Intended -> {
          if (wasNeverStarted()) {
            LOG.info(voice.ref()).log("A transfer that was only intended is started");
            start();
          } else {
            adopt();
          }
        }
        case Adopted -> adopt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread()
          .interrupt(); // the daemon ends; libvirt goes on, the next daemon adopts
    }
  }

  /**
   * Whether the intention was as far as it got. Should libvirt be just about to begin after all, it
   * refuses a second transfer of the same domain, and the first is followed.
   */
  private boolean wasNeverStarted() throws InterruptedException {
    while (true) {
      try {
        return hypervisor.job(order.uuid()).isEmpty()
            && sourceView() == SourceView.AsBefore
            && peer.view() == TargetView.Absent;
      } catch (HypervisorException e) {
        signals.await(TICK); // libvirt is away; it is asked until it answers
      }
    }
  }

  private void adopt() throws InterruptedException {
    LOG.info(voice.ref()).log("A transfer that was started before is picked up");
    var process = awaitProcess();
    try {
      follow(process, order.cap().map(this::tuner));
    } finally {
      process.ifPresent(EmulatorProcess::close);
    }
  }

  /** The guest's process; empty only when libvirt says that there is none. */
  private Optional<EmulatorProcess> awaitProcess() throws InterruptedException {
    while (true) {
      try {
        return hypervisor.emulatorProcess(order.uuid());
      } catch (HypervisorException e) {
        signals.await(TICK); // libvirt is away; it is asked until it answers
      }
    }
  }

  private void start() throws InterruptedException {
    Optional<EmulatorProcess> process;
    try {
      process = hypervisor.emulatorProcess(order.uuid());
      if (process.isEmpty()) {
        say(State.GuestLost, Reason.GuestStopped, "The guest's process ended before the transfer");
        return;
      }
      peer.open();
    } catch (HypervisorException e) {
      say(State.Stopped, startFailure(e), describe(e));
      return;
    }
    try (var held = process.get()) {
      if (!writeIntention() || stopBeforeStart()) {
        return;
      }
      startedAt = clock.instant();
      var tuner = order.cap().map(this::tuner);
      try {
        hypervisor.setMaxDowntime(order.uuid(), order.maxDowntime());
        transfer =
            hypervisor.startTransfer(
                new TransferRequest(
                    order.uuid(),
                    order.target(),
                    order.fenced(),
                    order.guest().persistent(),
                    order.postCopy(),
                    order.copyDisks(),
                    tuner
                        .map(BandwidthTuner::initialMebibytesPerSecond)
                        .orElse(OptionalInt.empty())));
      } catch (HypervisorException e) {
        say(State.Stopped, startFailure(e), describe(e));
        return;
      }
      LOG.info(voice.ref())
          .addKeyValue("fenced", order.fenced())
          .addKeyValue("target", order.targetNode())
          .log("The transfer has started");
      follow(Optional.of(held), tuner);
    }
  }

  private BandwidthTuner tuner(BandwidthCap cap) {
    return new BandwidthTuner(
        hypervisor, order.uuid(), order.copyDisks(), cap, mirrorsCanBeTuned());
  }

  /** Before libvirt 11 a mirror can't be re-tuned while a transfer runs (testbed.md B.5, C.4). */
  private boolean mirrorsCanBeTuned() {
    try {
      var version = hypervisor.host().libvirtVersion();
      return Integer.parseInt(version.substring(0, version.indexOf('.'))) >= 11;
    } catch (HypervisorException e) {
      return false; // the even split holds the cap with any libvirt
    }
  }

  /**
   * INVARIANT: status says that a transfer may run before one does, so that no restart can start a
   * second one.
   */
  private boolean writeIntention() throws InterruptedException {
    var written =
        say(
            State.Transferring,
            Reason.Transferring,
            "The transfer to " + order.targetNode() + " begins");
    try {
      return switch (written.get(INTENTION_DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
        case Written -> true;
        case ObjectGone, Refused, Failed -> false;
      };
    } catch (TimeoutException e) {
      say(
          State.Stopped,
          Reason.DaemonNotResponding,
          "The API server did not take the intention to start within "
              + INTENTION_DEADLINE.toSeconds()
              + " s; nothing was started");
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException("a report never fails with an exception", e);
    }
  }

  private boolean stopBeforeStart() {
    var stop = stopRequest.get();
    if (stop == null) {
      return false;
    }
    say(State.Stopped, stop.reason(), stop.message());
    return true;
  }

  /** Until it is known where the guest is. */
  private void follow(Optional<EmulatorProcess> process, Optional<BandwidthTuner> tuner)
      throws InterruptedException {
    var fence = new Fence(process);
    var thread = Thread.ofPlatform().name("fence-" + order.uuid()).daemon(true).start(fence);
    try {
      while (!over) {
        observe(tuner);
        if (!over && !fence.processGone) {
          judgeWhileSourceLives();
        }
        if (!over) {
          signals.await(TICK);
        }
      }
    } finally {
      over = true;
      thread.interrupt();
      thread.join(TimeUnit.SECONDS.toMillis(2));
    }
    awaitReturn();
  }

  private void observe(Optional<BandwidthTuner> tuner) {
    var now = clock.instant();
    try {
      var job = hypervisor.job(order.uuid()).filter(TransferRun::isRunningTransfer);
      if (job.isPresent()) {
        jobSeen = true;
        lastJob = job.get();
        if (tuner.isPresent()) {
          tuner.get().tune(job.get(), signals, now);
        }
        steer(job.get());
        tellLongSwitchover(now);
        voice.progress(meter.read(job.get(), now));
      }
    } catch (HypervisorException e) {
      // A wrong moment, or libvirt is away: the next look will tell.
      LOG.info(voice.ref()).addKeyValue("error", e.getMessage()).log("libvirt could not be asked");
    }
  }

  private static boolean isRunningTransfer(JobStatistics job) {
    return job.operation() == JobStatistics.Operation.MigrationOut
        && job.state() == JobStatistics.State.Active;
  }

  private void steer(JobStatistics job) throws HypervisorException {
    var sample =
        new Sample(
            Duration.ofMillis(job.elapsedMilliseconds()),
            job.iteration(),
            job.memoryRemainingBytes(),
            job.memoryBytesPerSecond(),
            job.dirtyRateBytesPerSecond());
    if (!postCopyAsked) {
      switch (Convergence.decide(order.policy(), List.of(sample))) {
        case Decision.Continue() -> {}
        case Decision.StartPostCopy(var because) -> {
          LOG.info(voice.ref()).addKeyValue("because", because).log("Switching to post-copy");
          hypervisor.startPostCopy(order.uuid());
          postCopyAsked = true;
        }
        case Decision.GiveUp(var because) ->
            requestStop(new StopRequest(Reason.CompletionTimeout, because));
      }
    }
    if (stopRequest.get() != null && !abortSent && mayAbort()) {
      hypervisor.abortJob(order.uuid());
      abortSent = true;
      LOG.info(voice.ref()).log("The transfer was told to end");
    }
  }

  private boolean mayAbort() {
    return !signals.isPostCopy()
        && signals
            .suspendedAt()
            .map(at -> at.plus(SWITCHOVER_LET_PASS).isBefore(clock.instant()))
            .orElse(true);
  }

  private void tellLongSwitchover(Instant now) {
    if (signals.isPostCopy() && told != State.PostCopying) {
      say(
          State.PostCopying,
          Reason.PostCopying,
          "The guest runs at " + order.targetNode() + "; its memory follows");
      told = State.PostCopying;
    } else if (told == State.Transferring
        && signals
            .suspendedAt()
            .map(at -> at.plus(SWITCHOVER_WORTH_TELLING).isBefore(now))
            .orElse(false)) {
      say(State.Switching, Reason.Switching, "The guest stands still for the switchover");
      told = State.Switching;
    }
  }

  private void judgeWhileSourceLives() {
    if (call() == Call.Open) {
      return;
    }
    var source = sourceView();
    var evidence =
        new Evidence(
            false,
            source,
            source == SourceView.AsBefore ? peer.view() : TargetView.Unknown,
            call(),
            order.guest().paused());
    switch (HandOver.decide(evidence)) {
      case Verdict.Stopped() -> {
        sayStopped();
        over = true;
      }
      case Verdict.Wait(var because) -> undecided(because);
      case Verdict.Switched(), Verdict.ResumeTarget(), Verdict.GuestLost() ->
          throw new IllegalStateException("not while the source's process lives: " + evidence);
    }
  }

  /**
   * How libvirt's call stands. While there is a job, it is open, whatever became of our call: the
   * job is libvirtd's, and the call may be an earlier daemon's, or have lost its connection.
   */
  private Call call() {
    var own = transfer;
    if (own != null && !own.returned().isDone()) {
      return Call.Open;
    }
    if (own != null && !own.returned().isCompletedExceptionally()) {
      return Call.Succeeded;
    }
    try {
      return hypervisor.job(order.uuid()).filter(TransferRun::isRunningTransfer).isPresent()
          ? Call.Open
          : Call.Failed;
    } catch (HypervisorException e) {
      return Call.Open; // can't be told now
    }
  }

  private SourceView sourceView() {
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

  /** Says so once it has lasted; until then it is just one of those moments. */
  private synchronized void undecided(String because) {
    var now = clock.instant();
    if (undecidedSince.equals(Instant.MAX)) {
      undecidedSince = now;
    } else if (undecidedSince.plus(UNDECIDED_WORTH_TELLING).isBefore(now)
        && told != State.HandOverPending
        && !because.equals(RUNNING)) {
      told = State.HandOverPending;
      LOG.warn(voice.ref())
          .addKeyValue("because", because)
          .log("It is not decided where the guest is");
      say(
          State.HandOverPending,
          Reason.HandOverFailed,
          because + "; nothing is touched, and it is looked at again");
    }
  }

  private static final String RUNNING = "the transfer runs";

  private void sayStopped() {
    var stop = stopRequest.get();
    if (stop != null) {
      say(State.Stopped, stop.reason(), stop.message());
      return;
    }
    var failure = failureOfCall();
    if (failure == null) {
      say(
          State.Stopped,
          Reason.TransferFailed,
          jobSeen
              ? "The transfer ended without success"
              : "No transfer was running when the daemon came back; libvirt's reason is not known");
      return;
    }
    say(State.Stopped, reasonOf(failure), describe(failure));
  }

  private @Nullable HypervisorException failureOfCall() {
    var own = transfer;
    if (own != null && own.returned().isCompletedExceptionally()) {
      var cause = own.returned().exceptionNow();
      return cause instanceof HypervisorException known
          ? known
          : new HypervisorException(Kind.Other, String.valueOf(cause.getMessage()), cause);
    }
    return null;
  }

  /** Before anything was sent, "can't be reached" is said of the other host. */
  private static Reason startFailure(HypervisorException e) {
    return e.kind() == Kind.Unavailable ? Reason.SourceNotReady : reasonOf(e);
  }

  private static Reason reasonOf(HypervisorException e) {
    return switch (e.kind()) {
      case PeerUnreachable, Unavailable -> Reason.ConnectionToTargetFailed;
      case CpuIncompatible -> Reason.CpuIncompatible;
      case Incompatible -> Reason.MachineTypeUnsupported;
      case Unsafe -> Reason.StorageNotShared;
      case NoSpace -> Reason.InsufficientDiskSpace;
      case NotFound, AlreadyExists, Conflict, Aborted, Unsupported, Timeout, Other ->
          Reason.TransferFailed;
    };
  }

  private static String describe(HypervisorException e) {
    return "libvirt: " + e.getMessage();
  }

  private CompletableFuture<Outcome> say(State state, Reason reason, String message) {
    return voice.say(state, reason, message, order.guest());
  }

  /** libvirt's call comes back some 200 ms after the hand-over; its connection is closed then. */
  private void awaitReturn() throws InterruptedException {
    var own = transfer;
    if (own == null) {
      return;
    }
    try {
      own.returned().get(CALL_RETURN_DEADLINE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      // Said already, as far as it matters.
    } catch (TimeoutException e) {
      LOG.warn(voice.ref()).log("libvirt's call has not returned although the transfer is over");
    }
    own.close();
  }

  /**
   * Waits for the end of the source's process, and then hands over at once: no poll, no API server
   * in between.
   */
  private final class Fence implements Runnable {
    private static final Duration LISTEN = Duration.ofSeconds(1);
    private static final long FIRST_PAUSE_MILLISECONDS = 3;
    private static final long LONGEST_PAUSE_MILLISECONDS = 500;

    private final Optional<EmulatorProcess> process;
    private volatile boolean processGone;
    private @Nullable Instant processGoneAt;

    Fence(Optional<EmulatorProcess> process) {
      this.process = process;
      this.processGone = process.isEmpty();
    }

    @Override
    public void run() {
      if (process.isPresent()) {
        while (!process.get().awaitExit(LISTEN)) {
          if (over) {
            return;
          }
        }
        processGone = true;
      }
      processGoneAt = clock.instant();
      try {
        handOver();
      } catch (InterruptedException e) {
        Thread.currentThread()
            .interrupt(); // the daemon ends; the next one decides from the same evidence
      }
    }

    private void handOver() throws InterruptedException {
      long pause = FIRST_PAUSE_MILLISECONDS;
      while (!over) {
        var evidence =
            new Evidence(
                true,
                SourceView.Inactive,
                peer.view(),
                transfer == null ? Call.Failed : call(),
                order.guest().paused());
        switch (HandOver.decide(evidence)) {
          case Verdict.ResumeTarget() -> resume();
          case Verdict.Switched() -> {
            switched(clock.instant());
            return;
          }
          case Verdict.GuestLost() -> {
            say(
                State.GuestLost,
                Reason.GuestStopped,
                "The guest's process ended, and the target has not got the guest");
            end();
            return;
          }
          case Verdict.Wait(var because) -> {
            undecided(because);
            TimeUnit.MILLISECONDS.sleep(pause);
            pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
          }
          case Verdict.Stopped() ->
              throw new IllegalStateException("a process that is gone keeps no guest: " + evidence);
        }
      }
    }

    private void resume() {
      try {
        peer.resume();
        switched(clock.instant());
      } catch (HypervisorException e) {
        undecided("the target could not be told to resume: " + e.getMessage());
      }
    }

    private void switched(Instant at) {
      if (over) {
        return;
      }
      var figures =
          peer.completedJob().or(signals::completed).or(() -> Optional.ofNullable(lastJob));
      var unused =
          voice.say(
              State.Switched,
              Reason.Committing,
              "The guest is at " + order.targetNode(),
              order.guest(),
              result(figures, at),
              figures.map(f -> meter.finished(f, at)).orElse(null));
      LOG.info(voice.ref()).addKeyValue("target", order.targetNode()).log("The guest has moved");
      end();
    }

    /** Only after it was said: the other thread stops this one when it is over. */
    private void end() {
      over = true;
      signals.wake();
    }

    private Result result(Optional<JobStatistics> figures, Instant at) {
      var gone = processGoneAt;
      Long libvirtDowntime =
          figures
              .flatMap(
                  f ->
                      f.downtimeMilliseconds().isPresent()
                          ? Optional.of(f.downtimeMilliseconds().getAsLong())
                          : Optional.<Long>empty())
              .orElse(null);
      Long handOver = order.fenced() && gone != null ? Duration.between(gone, at).toMillis() : null;
      Long seen =
          order.fenced()
              ? signals.suspendedAt().map(s -> Duration.between(s, at).toMillis()).orElse(null)
              : null;
      Long downtime = order.guest().paused() ? null : seen != null ? seen : libvirtDowntime;
      return new Result(
          downtime,
          order.guest().paused() ? null : libvirtDowntime,
          handOver,
          figures
              .map(JobStatistics::elapsedMilliseconds)
              .filter(ms -> ms > 0)
              .orElse(Duration.between(startedAt, at).toMillis()),
          figures.map(f -> f.memoryProcessedBytes() + f.diskProcessedBytes()).orElse(null),
          figures.map(JobStatistics::iteration).orElse(null),
          order.fenced() ? "Fenced" : "Direct",
          signals.isPostCopy());
    }
  }
}
