package dev.drover.node.cold;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.Peer;
import dev.drover.node.hypervisor.Transfer;
import dev.drover.node.report.MigrationLog;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Moves the definition once the disks are there, and starts the guest at the target if it ran.
 * Whatever was done of it before is found and gone on with.
 */
final class DefinitionMove {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(DefinitionMove.class));
  private static final int ATTEMPTS = 3;
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

  private final ColdScene scene;
  private final ColdVoice voice;
  private final Cold cold;
  private final UUID uuid;
  private final Instant since;
  private int moves;
  private int starts;
  private boolean pendingSaid;

  DefinitionMove(ColdScene scene, ColdVoice voice, Cold cold) {
    this.scene = scene;
    this.voice = voice;
    this.cold = cold;
    this.uuid = scene.order().uuid();
    this.since = scene.clock().instant();
  }

  /** Throws if the guest stays here. Waits for as long as it can't be told. */
  Outcome carryOut() throws Ended, InterruptedException {
    String why = "";
    while (true) {
      try {
        Peer peer = scene.target().peer();
        var here = scene.hypervisor().domain(uuid);
        var there = peer.domain(uuid);
        switch (ColdHandOver.decide(here, there)) {
          case Move -> why = move(why);
          case RemoveHere -> {
            LOG.info(voice.ref()).log("Both hosts have the definition; the source's is removed");
            scene.hypervisor().undefine(uuid);
          }
          case Arrived -> {
            return settle(peer);
          }
          case Stays ->
              throw new Ended(
                  Reason.GuestStarted,
                  here.filter(d -> d.persistent()).isPresent()
                      ? "the guest was started here before its definition could go over; it stays"
                      : "the guest was started here at the very moment when its definition went"
                          + " over; it stays, and is to be defined here again (virsh dumpxml, virsh"
                          + " define)");
          case Lost -> {
            return new Outcome.Lost();
          }
          case Wait -> why = "the guest is active on both hosts; end one of the two";
        }
      } catch (HypervisorException e) {
        why = String.valueOf(e.getMessage());
        if (e.kind() == Kind.PeerUnreachable || e.kind() == Kind.Unavailable) {
          scene.target().disconnect();
        }
      }
      sayIfPending(why);
      if (!why.isEmpty()) {
        scene.signals().await(RETRY_AFTER);
      }
    }
  }

  /**
   * INVARIANT: nothing is concluded while libvirt's call is open, however long that is.
   *
   * @return why it did not work, or nothing
   */
  private String move(String before) throws Ended, InterruptedException {
    if (moves >= ATTEMPTS) {
      throw new Ended(Reason.TransferFailed, "the definition could not be moved: " + before);
    }
    moves++;
    Transfer call;
    try {
      call = scene.hypervisor().moveDefinition(uuid, scene.order().target());
    } catch (HypervisorException e) {
      if (e.kind() == Kind.Unavailable || e.kind() == Kind.Timeout) {
        moves--; // libvirt was not even asked
      }
      return String.valueOf(e.getMessage());
    }
    try (call) {
      while (true) {
        try {
          call.returned().get(ColdScene.TICK.toMillis(), TimeUnit.MILLISECONDS);
          return "";
        } catch (TimeoutException e) {
          sayIfPending("libvirt has not answered yet");
        } catch (ExecutionException e) {
          return String.valueOf(e.getCause() == null ? e : e.getCause().getMessage());
        }
      }
    }
  }

  /** The definition is there and nowhere else: nobody can start the guest twice any more. */
  private Outcome settle(Peer peer) throws HypervisorException {
    if (cold.autostart()) {
      peer.enableAutostart(uuid);
    }
    if (!cold.wasRunning()) {
      return new Outcome.Moved(Optional.empty(), Optional.empty());
    }
    try {
      starts++;
      peer.start(uuid);
      return new Outcome.Moved(Optional.of(scene.clock().instant()), Optional.empty());
    } catch (HypervisorException e) {
      boolean off = peer.domain(uuid).filter(d -> d.run() == Run.ShutOff).isPresent();
      if (starts < ATTEMPTS || !off) {
        throw e;
      }
      return new Outcome.Moved(Optional.empty(), Optional.of(String.valueOf(e.getMessage())));
    }
  }

  private void sayIfPending(@Nullable String why) {
    if (pendingSaid
        || why == null
        || why.isEmpty()
        || scene.clock().instant().isBefore(since.plus(SAY_PENDING_AFTER))) {
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
