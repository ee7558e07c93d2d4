package dev.drover.node.hypervisor;

import java.time.Instant;
import java.util.UUID;

/** Told of what happens. Called on the hypervisor's event thread: copy, hand on, return. */
public interface HypervisorListener {

  /** A domain was started, stopped, suspended, resumed, defined or undefined. */
  default void onDomainEvent(UUID uuid, DomainEvent event, Instant at) {}

  /** A new iteration of memory begins. */
  default void onIteration(UUID uuid, int iteration, Instant at) {}

  /** A transfer from this host has ended well; its final figures. Not told of failures. */
  default void onJobCompleted(UUID uuid, JobStatistics statistics, Instant at) {}

  /** The copy of a disk has caught up with the guest ({@code ready}) or has ended. */
  default void onDiskCopy(UUID uuid, String disk, DiskCopyEvent event, Instant at) {}

  /** The control connection has come up or gone away. */
  default void onConnection(boolean connected, Instant at) {}

  /** What happened to a domain, as far as Drover cares. */
  enum DomainEvent {
    Defined,
    Undefined,
    Started,
    /** By a person or an error; also what a fenced target shows at the end of a transfer. */
    Suspended,
    /** For the switchover. */
    SuspendedForMigration,
    SuspendedForPostCopy,
    PostCopyFailed,
    Resumed,
    StoppedMigrated,
    Stopped,
    Other
  }

  /** What happened to the copy of a disk. */
  enum DiskCopyEvent {
    Ready,
    Ended
  }
}
