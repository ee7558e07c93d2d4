package dev.drover.node.watchdog;

import dev.drover.node.watchdog.Action.BreakControl;
import dev.drover.node.watchdog.Action.BreakStreams;
import dev.drover.node.watchdog.Action.Nudge;
import dev.drover.node.watchdog.Action.RestartLibvirt;
import dev.drover.node.watchdog.Action.Tell;
import dev.drover.node.watchdog.Action.Wait;
import java.time.Duration;

/**
 * Decides about a transfer that keeps its guest still, or that libvirt does not end.
 *
 * <p>QEMU and libvirt wait for a dead peer as long as TCP does, some 15 minutes, and the guest
 * stands still meanwhile: in the switchover, and wherever QEMU waits for a mirror of a disk
 * (reference/testbed.md B.4b). A connection that is broken here fails at once, and both give up and
 * let the guest go on. So the question is only when a peer counts as dead: when the guest stands
 * still and not a byte has moved for a while.
 *
 * <p>Why that is safe. While the source's process lives and the call is open, libvirt has not let
 * go of the source, and what it does after a broken connection is what it does after any: it lets
 * the guest go on here. INVARIANT: the connection of the two libvirts is broken only if the target
 * lands the guest held; one that starts it by itself may have done so without our having heard of
 * it. In post-copy nothing is broken: the guest's memory is on both hosts.
 */
public final class Watchdog {
  /** The goal: from outside, a guest is not seen to stand still for longer than that. */
  public static final Duration LONGEST_STANDSTILL = Duration.ofSeconds(5);

  /** Of sending again without an answer: some four retransmissions. */
  static final Duration DEAD_LINK = Duration.ofSeconds(2);

  /** Of mere silence: a slow target may need a moment to load what it has got. */
  static final Duration SILENT_PEER = Duration.ofSeconds(3);

  /**
   * Standing still for so long, a guest that all was sent of is waited for no longer than {@link
   * #LATE_PEER}: looking and letting it go on take half a second.
   */
  static final Duration LATE = LONGEST_STANDSTILL.minus(Duration.ofMillis(800));

  static final Duration LATE_PEER = Duration.ofSeconds(1);

  static final Duration DEAF_EMULATOR = Duration.ofSeconds(2);
  static final Duration NEXT_STEP_AFTER = Duration.ofSeconds(1);
  static final Duration RESTART_AFTER = Duration.ofSeconds(3);
  static final Duration LINK_WORTH_TELLING = Duration.ofSeconds(5);
  static final Duration SILENCE_WORTH_TELLING = Duration.ofSeconds(30);

  private static final Action WAIT = new Wait();

  private Watchdog() {}

  public static Action decide(Sight s) {
    if (!s.callOpen() || s.postCopy() || !s.hadStreams()) {
      return WAIT;
    }
    if (s.streams() > 0) {
      return whileConnected(s);
    }
    boolean late = s.stillFor().filter(still -> still.compareTo(LATE) >= 0).isPresent();
    return s.unmovedFor().compareTo(late ? LATE_PEER : SILENT_PEER) < 0
        ? WAIT
        : whileNothingIsConnected(s);
  }

  private static Action whileConnected(Sight s) {
    Duration limit = s.unanswered() ? DEAD_LINK : SILENT_PEER;
    boolean unmoved = s.unmovedFor().compareTo(limit) >= 0;
    if (unmoved
        && s.stillFor()
            // What has not moved before the guest stood still may have had no reason to.
            .filter(still -> s.unanswered() || still.compareTo(SILENT_PEER) >= 0)
            .isPresent()) {
      return new BreakStreams(
          "the guest stands still for its switchover, and nothing has moved for "
              + text(s.unmovedFor()));
    }
    if (unmoved
        && s.deafFor()
            .filter(deaf -> deaf.compareTo(s.unanswered() ? DEAF_EMULATOR : SILENT_PEER) >= 0)
            .isPresent()) {
      return new BreakStreams(
          "QEMU has not answered for "
              + text(s.deafFor().orElseThrow())
              + ", and nothing has moved for "
              + text(s.unmovedFor()));
    }
    if (unmoved && s.abortedFor().filter(ago -> ago.compareTo(SILENT_PEER) >= 0).isPresent()) {
      return new BreakStreams("libvirt was told to end the transfer, and waits for the target");
    }
    if (s.unmovedFor().compareTo(s.unanswered() ? LINK_WORTH_TELLING : SILENCE_WORTH_TELLING)
        >= 0) {
      return new Tell(
          "nothing has moved for a while: the link or the target is gone; the guest runs on");
    }
    return WAIT;
  }

  /**
   * The emulators are done with each other, well or not, and libvirt is not. Either it waits for
   * the other libvirt, or (with the guest running again) for an event that has passed: it was told
   * to abort, or lost the other libvirt, in the instant in which the guest was stopped.
   */
  private static Action whileNothingIsConnected(Sight s) {
    boolean still = s.stillFor().filter(d -> d.compareTo(SILENT_PEER) >= 0).isPresent();
    boolean runs = s.stillFor().isEmpty();
    if (!still && !runs) {
      return WAIT;
    }
    if (s.done().controlBroken().isEmpty() && s.fenced()) {
      return new BreakControl(
          (still ? "the guest stands still" : "the guest runs here")
              + ", its memory is not being sent any more, and libvirt has waited for the target for "
              + text(s.unmovedFor()));
    }
    if (s.done().controlBroken().filter(d -> d.compareTo(NEXT_STEP_AFTER) < 0).isPresent()) {
      return WAIT;
    }
    if (runs && s.done().nudged().isEmpty()) {
      return new Nudge("the guest runs here, and libvirt waits for it to be stopped");
    }
    if (s.done().nudged().filter(d -> d.compareTo(RESTART_AFTER) < 0).isPresent()
        || s.done().controlBroken().filter(d -> d.compareTo(RESTART_AFTER) < 0).isPresent()) {
      return WAIT;
    }
    if (still && !s.fenced()) {
      return new Tell(
          "the guest stands still, and only the target knows whether it runs there: with commit"
              + " Direct that is waited for");
    }
    return s.done().restarted().isEmpty()
        ? new RestartLibvirt("libvirt's call does not return although the transfer is over")
        : WAIT;
  }

  private static String text(Duration duration) {
    long tenths = duration.toMillis() / 100;
    return tenths / 10 + "." + tenths % 10 + " s";
  }
}
