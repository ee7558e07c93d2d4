package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.bandwidth.MemoryPace;
import dev.drover.node.convergence.Convergence;
import dev.drover.node.handover.Evidence;
import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.handover.Evidence.Written;
import dev.drover.node.handover.HandOver;
import dev.drover.node.handover.Verdict;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.MemoryStream;
import dev.drover.node.hypervisor.TransferConnections;
import dev.drover.node.hypervisor.TransferRequest;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.source.RunningTransfer.Decider;
import dev.drover.node.watchdog.WatchdogPolicy;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * One transfer from this host, from libvirt's call to the moment when it is known where the guest
 * is. Two threads: this one starts it and then is the {@link TransferWatch}; the other one is the
 * {@link Fence}.
 *
 * <p>The transfer is libvirt's: it goes on if this process ends, and the next one adopts it.
 */
final class TransferRun implements Runnable {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(TransferRun.class));
  private static final Duration TICK = Duration.ofMillis(200);
  private static final Duration INTENTION_DEADLINE = Duration.ofSeconds(30);
  private static final Duration CALL_RETURN_DEADLINE = Duration.ofSeconds(30);

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
  private final Hypervisor hypervisor;
  private final InstantSource clock;
  private final TransferSignals signals = new TransferSignals();
  private final AtomicReference<@Nullable StopRequest> stopRequest = new AtomicReference<>();
  private volatile Tuning tuning;
  private final PeerLink peer;
  private final RunningTransfer transfer;
  private final WatchdogPolicy watchdog;

  TransferRun(
      Beginning beginning,
      TransferOrder order,
      Tuning tuning,
      SourceReports.Voice voice,
      Expectation expectation,
      Hypervisor hypervisor,
      InstantSource clock,
      WatchdogPolicy watchdog) {
    this.beginning = beginning;
    this.watchdog = watchdog;
    this.order = order;
    this.tuning = tuning;
    this.hypervisor = hypervisor;
    this.clock = clock;
    this.peer = new PeerLink(hypervisor, order.target(), order.uuid());
    this.transfer =
        new RunningTransfer(order, voice, expectation, hypervisor, clock, signals, peer);
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

  /** Nothing of the target runs any more, nor will: goes on from that. */
  void targetIsFenced() {
    peer.hostIsFenced();
    signals.wake();
  }

  /** Goes by that spec from now on. */
  void retune(Tuning newest) {
    boolean differs = newest.generation() != tuning.generation();
    tuning = newest;
    if (differs) {
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
            LOG.info(transfer.voice().ref()).log("A transfer that was only intended is started");
            start();
          } else {
            adopt();
          }
        }
        case Adopted -> adopt();
      }
    } catch (InterruptedException e) {
      // The daemon ends; libvirt goes on, and the next daemon adopts.
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Whether the intention was as far as it got. Should libvirt be just about to begin after all, it
   * refuses a second transfer of the same domain, and the first is followed.
   */
  private boolean wasNeverStarted() throws InterruptedException {
    while (true) {
      try {
        var call = transfer.job().isEmpty() ? Call.Failed : Call.Open;
        return HandOver.decide(
                new Evidence(
                    false,
                    Release.None,
                    transfer.sourceView(),
                    call == Call.Open ? TargetView.Unknown : peer.view(),
                    call,
                    order.guest().paused(),
                    order.fenced(),
                    Written.Intended))
            instanceof Verdict.Start;
      } catch (HypervisorException e) {
        signals.await(TICK); // libvirt is away; it is asked until it answers
      }
    }
  }

  private void adopt() throws InterruptedException {
    LOG.info(transfer.voice().ref()).log("A transfer that was started before is picked up");
    var process = awaitProcess();
    try {
      process.ifPresent(held -> watchConnections(held, false));
      catchUp();
      follow(process, tuner(tuning, false, adoptedStream()), null, clock.instant());
    } finally {
      process.ifPresent(EmulatorProcess::close);
    }
  }

  /** What events would have told, had this daemon been there. */
  private void catchUp() {
    transfer.voice().pausedAt().ifPresent(signals::onPausedByDrover);
    switch (transfer.sourceView()) {
      case HeldForMigration ->
          signals.onDomainEvent(DomainEvent.SuspendedForMigration, clock.instant());
      case HeldForPostCopy ->
          signals.onDomainEvent(DomainEvent.SuspendedForPostCopy, clock.instant());
      case AsBefore, Inactive, Unknown -> {}
    }
  }

  private Optional<EmulatorProcess> awaitProcess() throws InterruptedException {
    while (true) {
      try {
        return hypervisor.emulatorProcess(order.uuid());
      } catch (HypervisorException e) {
        signals.await(TICK); // can't be told now; it is asked until it can
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
    } catch (HypervisorException e) {
      sayNotStarted(e);
      return;
    }
    try (var held = process.get()) {
      peer.open();
      if (!writeIntention() || stopBeforeStart()) {
        return;
      }
      watchConnections(held, true);
      var begins = tuning;
      var stream = chosenStream();
      var tuner = tuner(begins, true, stream);
      hypervisor.setMaxDowntime(
          order.uuid(), Convergence.firstDowntime(begins.policy(order.postCopy())));
      // libvirt keeps what a domain's transfer before was told, for memory and for mirrors, and
      // goes by it where this one has no cap.
      hypervisor.setMemoryBandwidth(order.uuid(), tuner.initialMebibytesPerSecond());
      transfer.started(
          hypervisor.startTransfer(
              new TransferRequest(
                  order.uuid(),
                  order.target(),
                  order.fenced(),
                  order.guest().persistent(),
                  order.postCopy(),
                  order.copyDisks(),
                  order.bridges(),
                  tuner.initialMebibytesPerSecond(),
                  stream,
                  order.overlaysOnly(),
                  order.newPlaces(),
                  order.pins())));
      LOG.info(transfer.voice().ref())
          .addKeyValue("fenced", order.fenced())
          .addKeyValue("stream", stream)
          .addKeyValue("target", order.targetNode())
          .log("The transfer has started");
      follow(Optional.of(held), tuner, begins, clock.instant());
    } catch (HypervisorException e) {
      sayNotStarted(e);
    }
  }

  private void watchConnections(EmulatorProcess process, boolean fresh) {
    try {
      transfer.watched(hypervisor.connections(order.uuid(), process, order.target(), fresh));
    } catch (HypervisorException e) {
      LOG.warn(transfer.voice().ref())
          .addKeyValue("error", e.getMessage())
          .log("The connections of the transfer can't be watched");
    }
  }

  private void sayNotStarted(HypervisorException e) {
    say(State.Stopped, TransferFailure.reasonOfStart(e), TransferFailure.describe(e));
  }

  private BandwidthTuner tuner(Tuning begins, boolean fresh, MemoryStream stream) {
    int connections = stream.connections().orElse(1);
    return new BandwidthTuner(
        hypervisor,
        order.uuid(),
        order.copyDisks(),
        begins.cap(),
        mirrorsCanBeTuned(),
        fresh,
        connections,
        new MemoryPace(connections, countsBeforeItSends()));
  }

  private MemoryStream chosenStream() throws HypervisorException {
    return order.stream(
        hypervisor.host().cpus(), hypervisor.linkMegabitsPerSecond(order.target().address()));
  }

  /** What was chosen at the start: the same is chosen again, as nothing of it changes. */
  private MemoryStream adoptedStream() throws InterruptedException {
    while (true) {
      try {
        return chosenStream();
      } catch (HypervisorException e) {
        signals.await(TICK); // libvirt is away; it is asked until it answers
      }
    }
  }

  /** QEMU before 8.0, which keeps to a cap with several connections, too. */
  private boolean countsBeforeItSends() {
    try {
      var version = hypervisor.host().qemuVersion();
      return Integer.parseInt(version.substring(0, version.indexOf('.'))) < 8;
    } catch (HypervisorException e) {
      return false; // what is reckoned for the newer ones holds the cap with any
    }
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
        transfer.say(
            State.Transferring,
            Reason.Transferring,
            "The transfer to " + order.targetNode() + " begins");
    try {
      return switch (written.get(INTENTION_DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
        case Written -> true;
        case ObjectGone -> false;
        case Refused, Failed -> notWritten();
      };
    } catch (TimeoutException e) {
      return notWritten();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a report never fails with an exception", e);
    }
  }

  private boolean notWritten() {
    say(
        State.Stopped,
        Reason.DaemonNotResponding,
        "The API server did not take the intention to start; nothing was started");
    return false;
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
  private void follow(
      Optional<EmulatorProcess> process,
      BandwidthTuner tuner,
      @Nullable Tuning begunWith,
      Instant startedAt)
      throws InterruptedException {
    var meter = new ProgressMeter(order.guest().memoryBytes());
    var undecided = new Undecided(transfer);
    var switchover = new Switchover(transfer);
    var steering = new Steering(transfer, stopRequest, () -> tuning, tuner, begunWith);
    var watch =
        new TransferWatch(
            transfer,
            process,
            stopRequest,
            watchdog,
            steering,
            tuner,
            meter,
            undecided,
            switchover);
    var fence =
        Thread.ofPlatform()
            .name("fence-" + order.uuid())
            .daemon(true)
            .start(new Fence(transfer, process, meter, undecided, switchover, startedAt));
    var standstill = watchStandstill(process, switchover);
    var release =
        process.map(held -> new ReleaseNotice(transfer, held, watchdog.mayBreakConnections()));
    try {
      if (process.isEmpty()) {
        // Nobody but the fence decides about a process that is gone.
        transfer.decides(Decider.Fence);
      }
      while (!transfer.isOver()) {
        watch.look();
        if (!transfer.isOver() && process.isPresent()) {
          watch.judge();
        }
        if (!transfer.isOver()) {
          release.ifPresent(ReleaseNotice::look);
        }
        if (!transfer.isOver()) {
          signals.await(TICK);
        }
      }
    } finally {
      transfer.end();
      fence.interrupt();
      fence.join(TimeUnit.SECONDS.toMillis(2));
      if (standstill.isPresent()) {
        standstill.get().interrupt();
        standstill.get().join(TimeUnit.SECONDS.toMillis(2));
      }
      transfer.connections().ifPresent(TransferConnections::close);
    }
    awaitReturn();
  }

  private Optional<Thread> watchStandstill(
      Optional<EmulatorProcess> process, Switchover switchover) {
    if (process.isEmpty() || transfer.connections().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        Thread.ofPlatform()
            .name("standstill-" + order.uuid())
            .daemon(true)
            .start(
                new StandstillWatch(
                    transfer, process.get(), transfer.connections().get(), watchdog, switchover)));
  }

  /** libvirt's call comes back some 200 ms after the hand-over; its connection is closed then. */
  private void awaitReturn() throws InterruptedException {
    var call = transfer.ownCall();
    if (call.isEmpty()) {
      return;
    }
    try {
      call.get().returned().get(CALL_RETURN_DEADLINE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      // Said already, as far as it matters.
    } catch (TimeoutException e) {
      LOG.warn(transfer.voice().ref())
          .log("libvirt's call has not returned although the transfer is over");
    }
    call.get().close();
  }

  private void say(State state, Reason reason, String message) {
    var unused = transfer.say(state, reason, message);
  }
}
