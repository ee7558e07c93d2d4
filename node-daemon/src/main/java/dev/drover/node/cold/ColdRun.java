package dev.drover.node.cold;

import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Progress;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.StatusApplier.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * One cold migration from this host: shut down if asked for, copy, compare, move the definition,
 * start if it ran. Ends when it is said where the guest is. The same steps whether it begins or was
 * begun by an earlier life of this daemon: each finds what is done of it.
 */
public final class ColdRun implements Runnable {
  private static final MigrationLog LOG = new MigrationLog(LoggerFactory.getLogger(ColdRun.class));

  private final ColdScene scene;
  private final ColdVoice voice;
  private final boolean fresh;
  private final @Nullable Progress before;
  private final ColdSignals signals;
  private final GuestPower power;
  private final DiskMove disks;
  private Cold cold;
  private @Nullable Instant offSince;
  private boolean pressed;

  /**
   * @param startedAt when it was first begun; null if it is begun now
   * @param before how far an earlier life of this daemon came
   */
  public ColdRun(
      ColdOrder order,
      ColdLimits limits,
      Cold cold,
      @Nullable Instant startedAt,
      @Nullable Progress before,
      ColdVoice voice,
      Hypervisor hypervisor,
      InstantSource clock) {
    this.signals = new ColdSignals(limits);
    this.fresh = startedAt == null;
    this.before = before;
    this.cold = cold;
    this.voice = voice;
    this.scene =
        new ColdScene(
            order,
            hypervisor,
            clock,
            signals,
            new Target(hypervisor, order.target()),
            startedAt == null ? clock.instant() : startedAt);
    this.power = new GuestPower(scene);
    this.disks = new DiskMove(scene, voice, before);
  }

  /** Asks for its end; the first reason counts. Too late once the definition goes over. */
  public void requestStop(Reason reason, String message) {
    signals.requestStop(new ColdSignals.StopRequest(reason, message));
  }

  public void retune(ColdLimits limits) {
    signals.retune(limits);
  }

  /** The target's daemon has read its copies back. */
  public void onDigests(List<DiskDigest> read) {
    signals.onDigests(read);
  }

  /** Another migration of the guest begins; this one has ended, and leaves the guest alone now. */
  public void dismiss() {
    signals.dismiss();
  }

  public void onDomainEvent(DomainEvent event) {
    if (event == DomainEvent.Started) {
      signals.onStarted();
    } else {
      signals.wake();
    }
  }

  @Override
  public void run() {
    try {
      try {
        if (cold.handsOver()) {
          handOver(true);
        } else {
          prepare();
          handOver(false);
        }
      } catch (Ended e) {
        giveBack(e);
      } finally {
        scene.target().disconnect();
      }
    } catch (InterruptedException e) {
      // The daemon ends; its next life goes on from what status says.
      Thread.currentThread().interrupt();
    }
  }

  /** To be called after {@link #run}: nobody waits for this. */
  public void watchOver() {
    if (!pressed || offSince != null) {
      return;
    }
    try {
      power.startIfItGoesOff(scene.order().shutdownTimeout());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void prepare() throws Ended, InterruptedException {
    if (fresh) {
      // INVARIANT: status says that the guest may be shut down and copied before it is.
      write(
          Reason.Transferring,
          "The disks are being copied to " + scene.order().targetNode(),
          "nothing was begun");
    }
    boolean copyingBegan = before != null;
    if (cold.wasRunning() && !copyingBegan) {
      say(Reason.ShuttingDown, "The guest is asked to shut down");
      pressed = scene.domain().filter(d -> d.run() != Run.ShutOff).isPresent();
      offSince = power.shutDown();
    }
    scene.requireOff();
    cold = disks.copy(cold);
    say(Reason.Verifying, scene.order().targetNode() + " reads its copies back");
    disks.compare(cold);
    scene.requireOff();
  }

  private void readAgain() throws Ended, InterruptedException {
    say(Reason.Verifying, "The disks here are read again: nobody has watched them for a while");
    disks.requireUnchanged(cold);
  }

  /**
   * @param begunBefore by an earlier life of this daemon
   */
  private void handOver(boolean begunBefore) throws Ended, InterruptedException {
    if (!begunBefore) {
      cold = cold.andMoving();
      // INVARIANT: status says that the definition may be on both hosts before it is.
      write(Reason.Committing, "The guest's definition goes over", "the definition is still here");
    }
    switch (new DefinitionMove(scene, voice, cold, begunBefore, this::readAgain).carryOut()) {
      case DefinitionMove.Outcome.Lost() -> {
        var unused =
            voice.say(
                State.GuestLost,
                Reason.GuestStopped,
                "Neither host has the guest's definition any more; its disks are here",
                cold,
                null,
                null);
      }
      case DefinitionMove.Outcome.Moved moved -> sayMoved(moved);
    }
  }

  private void sayMoved(DefinitionMove.Outcome.Moved moved) {
    var now = scene.clock().instant();
    Instant off = offSince;
    Long downtime =
        off == null || moved.startedAt().isEmpty()
            ? null
            : Long.valueOf(Duration.between(off, moved.startedAt().get()).toMillis());
    // What an earlier life has sent is not known.
    Long sent = fresh ? Long.valueOf(disks.sentBytes()) : null;
    var result =
        new Result(
            downtime,
            null,
            null,
            Math.max(0, Duration.between(scene.startedAt(), now).toMillis()),
            sent,
            null,
            null,
            null);
    String node = scene.order().targetNode();
    moved.notStarted().ifPresent(why -> cold = cold.notStarted(why));
    var unused =
        voice.say(
            State.Switched,
            moved.notStarted().isPresent() ? Reason.GuestNotStarted : Reason.Committing,
            moved
                .notStarted()
                .map(why -> "The guest is at " + node + ", but could not be started there: " + why)
                .orElse(
                    moved.startedAt().isPresent()
                        ? "The guest was started at " + node
                        : "The guest is at " + node + ", shut off"),
            cold,
            result,
            disks.finished(now));
  }

  /** The guest stays here, as it was. */
  private void giveBack(Ended why) throws InterruptedException {
    String more = "";
    if (cold.wasRunning()) {
      more = power.startAgain().orElse("");
    }
    LOG.info(voice.ref())
        .addKeyValue("reason", why.reason())
        .addKeyValue("cause", why.text())
        .log("The cold migration ends, and the guest stays");
    var unused = voice.say(State.Stopped, why.reason(), why.text() + more, cold, null, null);
  }

  private void say(Reason reason, String message) {
    var unused = voice.say(State.Transferring, reason, message, cold, null, null);
  }

  private void write(Reason reason, String message, String ifNot)
      throws Ended, InterruptedException {
    var written = voice.say(State.Transferring, reason, message, cold, null, null);
    while (true) {
      scene.mayGoOn();
      try {
        if (written.get(ColdScene.TICK.toMillis(), TimeUnit.MILLISECONDS) == Outcome.Written) {
          return;
        }
        throw new Ended(
            Reason.DaemonNotResponding, "the API server did not take the intention; " + ifNot);
      } catch (TimeoutException e) {
        // The API server may be away for as long as the migration may take.
      } catch (ExecutionException e) {
        throw new IllegalStateException("a report never fails with an exception", e);
      }
    }
  }
}
