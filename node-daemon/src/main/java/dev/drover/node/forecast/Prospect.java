package dev.drover.node.forecast;

import java.time.Duration;

/**
 * What a forecast goes by.
 *
 * @param diskBytes to be copied before memory
 * @param memoryBytes that the guest has in use: what a first pass sends
 * @param dirtyBytesPerSecond how fast it writes to memory that it had not just written to
 * @param writableBytes the most that it can have written to again, however long a pass takes
 * @param bytesPerSecond of the way to the target, for disks and memory one after the other
 * @param stop when the guest is stopped
 * @param completionTimeout all of it must be over by then
 * @param beside what a transfer takes beside sending: the target's emulator has to be started
 */
public record Prospect(
    long diskBytes,
    long memoryBytes,
    long dirtyBytesPerSecond,
    long writableBytes,
    long bytesPerSecond,
    Stop stop,
    Duration completionTimeout,
    Duration beside) {

  /** Of a guest that writes like that. */
  public static Prospect of(
      long diskBytes,
      long memoryBytes,
      MemoryWrites writes,
      long bytesPerSecond,
      Stop stop,
      Duration completionTimeout,
      Duration beside) {
    return new Prospect(
        diskBytes,
        memoryBytes,
        writes.reckonedBytesPerSecond(),
        Math.min(memoryBytes, writes.workingSetBytes().orElse(memoryBytes)),
        bytesPerSecond,
        stop,
        completionTimeout,
        beside);
  }

  /** Only sending takes time. */
  Prospect(
      long diskBytes,
      long memoryBytes,
      long dirtyBytesPerSecond,
      long writableBytes,
      long bytesPerSecond,
      Duration maxDowntime,
      Duration completionTimeout) {
    this(
        diskBytes,
        memoryBytes,
        dirtyBytesPerSecond,
        writableBytes,
        bytesPerSecond,
        Stop.within(maxDowntime, bytesPerSecond),
        completionTimeout,
        Duration.ZERO);
  }

  public Prospect {
    if (diskBytes < 0 || memoryBytes < 0 || dirtyBytesPerSecond < 0 || writableBytes < 0) {
      throw new IllegalArgumentException("nothing can be less than nothing");
    }
    if (bytesPerSecond <= 0) {
      throw new IllegalArgumentException("nothing arrives at " + bytesPerSecond + " bytes/s");
    }
  }
}
