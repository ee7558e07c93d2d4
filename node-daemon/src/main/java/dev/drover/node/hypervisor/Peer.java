package dev.drover.node.hypervisor;

import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/** Another host's hypervisor, as far as the hand-over and a cold migration need it. */
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

  /**
   * Writes a part of a volume's file from {@code offset} on; a file that is shorter grows. This
   * connection stays open for it.
   *
   * @param wanted as for {@link Hypervisor#readVolume}
   */
  VolumeWriter writeVolume(
      String pool, String volume, long offset, long length, BooleanSupplier wanted)
      throws HypervisorException;

  /**
   * Defines a domain there, or defines it anew. Completes when the hypervisor's call has returned,
   * however long that takes, with a {@link HypervisorException} if it failed: of kind {@code
   * PeerUnreachable} or {@code Unavailable}, it may have had its effect.
   */
  CompletableFuture<Void> define(GuestDefinition definition);

  /** Starts a domain that is shut off; does nothing if it is active. */
  void start(UUID uuid) throws HypervisorException;

  @Override
  void close();
}
