package dev.drover.node.cold;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.Peer;
import dev.drover.node.report.MigrationLog;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.LoggerFactory;

/**
 * Moves the definition once the disks are there: first it is at the target, then it is removed
 * here, then the guest is started if it ran. Whatever was done of it before is found and gone on
 * with.
 */
final class DefinitionMove {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(DefinitionMove.class));
  private static final int STARTS = 3;
  private static final Duration SAY_PENDING_AFTER = Duration.ofSeconds(10);
  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /** Where the guest is in the end. */
  sealed interface Outcome {
    /**
     * At the target.
     *
     * @param startedAt when it was started there, if it ran
     * @param notStarted why it could not be, if it could not
     */
    record Moved(Optional<Instant> startedAt, Optional<String> notStarted) implements Outcome {}

    /** On neither host. */
    record Lost() implements Outcome {}
  }

  /** Throws if the disks here are not what was copied any more. */
  interface Unchanged {
    void require() throws Ended, InterruptedException;
  }

  private final ColdScene scene;
  private final ColdVoice voice;
  private final Cold cold;
  private final Unchanged unchanged;
  private final UUID uuid;
  private final Instant since;
  private boolean checkDisks;
  private boolean mayBeThere;
  private int starts;
  private boolean pendingSaid;

  /**
   * @param begunBefore by an earlier life of this daemon: what has happened since is not known
   */
  DefinitionMove(
      ColdScene scene, ColdVoice voice, Cold cold, boolean begunBefore, Unchanged unchanged) {
    this.scene = scene;
    this.voice = voice;
    this.cold = cold;
    this.unchanged = unchanged;
    this.uuid = scene.order().uuid();
    this.since = scene.clock().instant();
    this.checkDisks = begunBefore;
    this.mayBeThere = begunBefore;
  }

  /** Throws if the guest stays here. Waits for as long as it can't be told. */
  Outcome carryOut() throws Ended, InterruptedException {
    while (true) {
      try {
        Optional<Outcome> outcome = step(scene.target().peer());
        if (outcome.isPresent()) {
          return outcome.get();
        }
      } catch (HypervisorException e) {
        if (e.kind() == Kind.PeerUnreachable || e.kind() == Kind.Unavailable) {
          scene.target().disconnect();
        }
        if (!mayBeThere) {
          scene.mayGoOn();
        }
        sayIfPending(String.valueOf(e.getMessage()));
        scene.signals().await(RETRY_AFTER);
      }
    }
  }

  /** One step of the way; the outcome, if there is none left. */
  private Optional<Outcome> step(Peer peer)
      throws HypervisorException, Ended, InterruptedException {
    var here = scene.hypervisor().domain(uuid);
    var there = peer.domain(uuid);
    mayBeThere = there.isPresent();
    switch (ColdHandOver.decide(here, there)) {
      case DefineThere -> {
        scene.mayGoOn();
        requireUnchanged();
        define(peer);
      }
      case RemoveHere -> {
        if (there.filter(d -> d.run() == Run.ShutOff).isPresent()) {
          requireUnchanged();
        }
        scene.hypervisor().undefine(uuid);
      }
      case Arrived -> {
        return Optional.of(settle(peer));
      }
      case Stays ->
          throw new Ended(
              Reason.GuestStarted,
              "the guest was started here before its definition had gone over; it stays");
      case Lost -> {
        return Optional.of(new Outcome.Lost());
      }
      case Wait ->
          throw new HypervisorException(
              Kind.Conflict, -1, "the guest is active on both hosts; end one of the two");
    }
    return Optional.empty();
  }

  /**
   * INVARIANT: the source's definition goes only while its disks hold what the copies hold. In one
   * life of the daemon, libvirt's events tell that the guest was not started since.
   */
  private void requireUnchanged() throws Ended, InterruptedException {
    if (checkDisks) {
      unchanged.require();
      checkDisks = false;
    }
    scene.requireNotStarted();
  }

  /** INVARIANT: nothing is concluded while libvirt's call is open, however long that is. */
  private void define(Peer peer) throws HypervisorException, Ended, InterruptedException {
    var order = scene.order();
    var definition =
        scene.hypervisor().definitionFor(uuid, order.target(), order.bridges(), order.pins());
    LOG.info(voice.ref()).log("The target gets the guest's definition");
    mayBeThere = true;
    var call = peer.define(definition);
    while (true) {
      try {
        call.get(ColdScene.TICK.toMillis(), TimeUnit.MILLISECONDS);
        return;
      } catch (TimeoutException e) {
        sayIfPending("libvirt has not answered yet");
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof HypervisorException told)) {
          throw new IllegalStateException("not the hypervisor's fault", e);
        }
        if (told.kind() == Kind.PeerUnreachable || told.kind() == Kind.Timeout) {
          throw told;
        }
        throw new Ended(
            Reason.TransferFailed,
            "%s does not take the guest's definition: %s"
                .formatted(order.targetNode(), told.getMessage()));
      }
    }
  }

  /** The definition is there and nowhere else: nobody can start the guest twice any more. */
  private Outcome settle(Peer peer) throws HypervisorException {
    if (!cold.wasRunning()) {
      return new Outcome.Moved(Optional.empty(), Optional.empty());
    }
    try {
      starts++;
      peer.start(uuid);
      return new Outcome.Moved(Optional.of(scene.clock().instant()), Optional.empty());
    } catch (HypervisorException e) {
      boolean off = peer.domain(uuid).filter(d -> d.run() == Run.ShutOff).isPresent();
      if (starts < STARTS || !off) {
        throw e;
      }
      return new Outcome.Moved(Optional.empty(), Optional.of(String.valueOf(e.getMessage())));
    }
  }

  private void sayIfPending(String why) {
    if (pendingSaid || scene.clock().instant().isBefore(since.plus(SAY_PENDING_AFTER))) {
      return;
    }
    pendingSaid = true;
    var unused =
        voice.say(
            State.HandOverPending,
            Reason.HandOverFailed,
            "The guest's definition is on its way to %s; waiting: %s"
                .formatted(scene.order().targetNode(), why),
            cold,
            null,
            null);
  }
}
