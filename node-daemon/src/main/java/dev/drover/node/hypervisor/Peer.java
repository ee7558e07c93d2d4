package dev.drover.node.hypervisor;

import java.util.Optional;
import java.util.UUID;

/** Another host's hypervisor, as far as the hand-over needs it. */
public interface Peer extends AutoCloseable {

  Optional<DomainState> domain(UUID uuid) throws HypervisorException;

  /** Whether that host survives being asked to go on with an interrupted post-copy. */
  boolean canResumePostCopy() throws HypervisorException;

  /** Lets a paused domain go on. Returns once it runs. */
  void resume(UUID uuid) throws HypervisorException;

  /**
   * Removes all of a domain that does not run: its definition first, so that nothing is left that
   * could be taken for a guest that has arrived, and then its process. Does nothing if there is
   * none; throws kind {@code Conflict} if it runs.
   */
  void discard(UUID uuid) throws HypervisorException;

  /** Has libvirt start the domain when that host boots. */
  void enableAutostart(UUID uuid) throws HypervisorException;

  /**
   * Final figures of the transfer that has arrived there; empty if that host does not have them.
   */
  Optional<JobStatistics> completedJob(UUID uuid) throws HypervisorException;

  @Override
  void close();
}
