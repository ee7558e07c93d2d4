package dev.drover.node.watchdog;

import java.time.Duration;
import java.util.Optional;

/**
 * One look at a transfer whose source process lives.
 *
 * @param callOpen libvirt's migrate call, or its job, is not over
 * @param postCopy the guest runs at the target already
 * @param fenced the target does not start the guest by itself
 * @param stillFor how long the guest has been standing still for its transfer, by libvirt's events;
 *     empty if it runs
 * @param deafFor how long the emulator has left a question unanswered; empty if it answers, or was
 *     not asked
 * @param hadStreams connections for memory or disks were seen
 * @param streams how many there are now
 * @param unmovedFor how long none of them has moved a byte, none has come and none has gone
 * @param unanswered the kernel repeats what it has sent: the link or the other host is gone
 * @param abortedFor how long ago libvirt was told to end the transfer
 * @param done what was done about it, and how long ago
 */
public record Sight(
    boolean callOpen,
    boolean postCopy,
    boolean fenced,
    Optional<Duration> stillFor,
    Optional<Duration> deafFor,
    boolean hadStreams,
    int streams,
    Duration unmovedFor,
    boolean unanswered,
    Optional<Duration> abortedFor,
    Done done) {

  /** How long ago each step was taken; empty if it was not. */
  public record Done(
      Optional<Duration> controlBroken, Optional<Duration> nudged, Optional<Duration> restarted) {
    public static final Done NOTHING =
        new Done(Optional.empty(), Optional.empty(), Optional.empty());
  }
}
