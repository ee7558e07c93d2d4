package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.TransferConnections;
import dev.drover.node.hypervisor.TransferConnections.Traffic;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.watchdog.Action;
import dev.drover.node.watchdog.Sight;
import dev.drover.node.watchdog.Watchdog;
import dev.drover.node.watchdog.WatchdogPolicy;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that no transfer keeps its guest still ({@link Watchdog}). On a thread of its own, and
 * it waits for nobody: it looks at what the kernel says of the transfer's connections, and has
 * others ask the emulator.
 */
final class StandstillWatch implements Runnable {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(StandstillWatch.class));
  private static final long LOOK_EVERY_MILLISECONDS = 200;

  /** Before that the emulator is not even asked. */
  private static final Duration SUSPICIOUS = Duration.ofMillis(600);

  private final RunningTransfer transfer;
  private final EmulatorProcess process;
  private final TransferConnections connections;
  private final WatchdogPolicy policy;
  private final Switchover switchover;
  private final ExecutorService asking;
  private Traffic last = Traffic.NONE;
  private boolean hadStreams;
  private Instant movedAt;
  private @Nullable Future<Boolean> question;
  private @Nullable Instant deafSince;
  private @Nullable Instant controlBrokenAt;
  private @Nullable Instant nudgedAt;
  private @Nullable Instant restartedAt;
  private boolean isBlind;
  private String told = "";

  StandstillWatch(
      RunningTransfer transfer,
      EmulatorProcess process,
      TransferConnections connections,
      WatchdogPolicy policy,
      Switchover switchover) {
    this.transfer = transfer;
    this.process = process;
    this.connections = connections;
    this.policy = policy;
    this.switchover = switchover;
    this.movedAt = transfer.clock().instant();
    this.asking =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("ask-qemu-" + transfer.order().uuid()).factory());
  }

  @Override
  public void run() {
    try {
      // With the process gone it is the fence's.
      while (!transfer.isOver() && !process.awaitExit(Duration.ZERO)) {
        look();
        TimeUnit.MILLISECONDS.sleep(LOOK_EVERY_MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      asking.shutdownNow();
    }
  }

  private void look() {
    var now = transfer.clock().instant();
    try {
      read(now);
    } catch (HypervisorException e) {
      if (!isBlind) {
        isBlind = true;
        LOG.warn(transfer.voice().ref())
            .addKeyValue("error", e.getMessage())
            .log("The connections of the transfer can't be watched");
      }
      return;
    }
    isBlind = false;
    var action = Watchdog.decide(sight(now));
    try {
      act(action, now);
    } catch (HypervisorException e) {
      tell("The transfer does not get on, and this daemon can't help: " + e.getMessage(), true);
    }
  }

  private void read(Instant now) throws HypervisorException {
    var traffic = connections.traffic();
    if (traffic.bytesMoved() != last.bytesMoved() || traffic.streams() != last.streams()) {
      movedAt = now;
    }
    last = traffic;
    hadStreams |= traffic.streams() > 0;
    ask(now);
  }

  /** Asks the emulator, if there is reason to suspect it; never waits for its answer. */
  private void ask(Instant now) {
    var asked = question;
    if (asked != null && asked.isDone()) {
      if (!asked.state().equals(Future.State.SUCCESS) || asked.resultNow()) {
        deafSince = null;
      }
      question = null;
    }
    if (question == null && movedAt.plus(SUSPICIOUS).isBefore(now)) {
      if (deafSince == null) {
        deafSince = now;
      }
      question = asking.submit(this::isAnswered);
    } else if (question == null) {
      deafSince = null;
    }
  }

  /** A libvirt that is away says nothing about the emulator. */
  private boolean isAnswered() {
    try {
      var unused = transfer.hypervisor().job(transfer.order().uuid());
      return true;
    } catch (HypervisorException e) {
      return e.kind() != Kind.Timeout;
    }
  }

  private Sight sight(Instant now) {
    return new Sight(
        transfer.isOpen(),
        transfer.signals().isPostCopy(),
        transfer.order().fenced(),
        transfer.signals().standsStillSince().map(at -> Duration.between(at, now)),
        question == null ? Optional.empty() : since(deafSince, now),
        hadStreams,
        last.streams(),
        Duration.between(movedAt, now),
        last.unanswered(),
        transfer.abortedAt().map(at -> Duration.between(at, now)),
        new Sight.Done(since(controlBrokenAt, now), since(nudgedAt, now), since(restartedAt, now)));
  }

  private static Optional<Duration> since(@Nullable Instant at, Instant now) {
    return Optional.ofNullable(at).map(then -> Duration.between(then, now));
  }

  private void act(Action action, Instant now) throws HypervisorException {
    switch (action) {
      case Action.Wait() -> tell("", false);
      case Action.Tell(var because) -> tell(because, false);
      case Action.BreakStreams(var because) -> {
        if (mayBreak(because)) {
          transfer.brokenBecause(because);
          did("streams", because, connections.breakStreams());
        }
      }
      case Action.BreakControl(var because) -> {
        controlBrokenAt = now;
        if (mayBreak(because)) {
          transfer.brokenBecause(because);
          did("control", because, connections.breakControl());
        }
      }
      case Action.Nudge(var because) -> {
        nudgedAt = now;
        did("nudge", because, 1);
        // libvirt sees the guest stop, goes on, and lets it run again.
        asking.execute(this::nudge);
      }
      case Action.RestartLibvirt(var because) -> {
        if (policy.mayRestartLibvirt()) {
          restartedAt = now;
          did("restart", because, 1);
          tell(because + "; this host's libvirt is being restarted", true);
          transfer.hypervisor().killDaemon();
        } else {
          tell(
              because + "; a restart of this host's libvirtd cures that, and the guest lives on",
              true);
        }
      }
    }
  }

  private boolean mayBreak(String because) {
    if (!policy.mayBreakConnections()) {
      tell(because + "; this host's daemon may not break connections", true);
    }
    return policy.mayBreakConnections();
  }

  /** INVARIANT: only while there is a job, whose end lets the guest go on. */
  private void nudge() {
    try {
      if (transfer.job().isPresent()) {
        transfer.hypervisor().suspend(transfer.order().uuid());
      }
    } catch (HypervisorException e) {
      LOG.warn(transfer.voice().ref())
          .addKeyValue("error", e.getMessage())
          .log("The guest could not be stopped for libvirt to go on");
    }
  }

  private void did(String what, String because, int count) {
    LOG.warn(transfer.voice().ref())
        .addKeyValue("step", what)
        .addKeyValue("because", because)
        .addKeyValue("count", count)
        .log("The watchdog acts");
    transfer.voice().watchdogActed(what);
  }

  /** DESIGN.md 6.7: every wait says in status what it waits for. */
  private void tell(String trouble, boolean stuck) {
    if (trouble.equals(told)) {
      return;
    }
    told = trouble;
    if (trouble.isEmpty()) {
      var unused = transfer.say(switchover.state(), Reason.Transferring, "It moves again");
    } else {
      LOG.warn(transfer.voice().ref()).addKeyValue("trouble", trouble).log("Trouble");
      var unused =
          transfer.say(
              switchover.state(), stuck ? Reason.TransferStuck : Reason.LinkSilent, trouble);
    }
  }
}
