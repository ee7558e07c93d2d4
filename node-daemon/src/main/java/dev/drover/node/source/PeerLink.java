package dev.drover.node.source;

import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.Peer;
import dev.drover.node.hypervisor.PeerAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The connection to the target's libvirt for one hand-over: opened beforehand, opened again when it
 * breaks.
 */
final class PeerLink implements AutoCloseable {
  private static final Duration CONNECT_DEADLINE = Duration.ofSeconds(5);

  private final Hypervisor hypervisor;
  private final PeerAddress address;
  private final UUID uuid;
  private @Nullable Peer peer;
  private boolean canResumePostCopy;
  private boolean closed;
  private volatile boolean hostFenced;

  PeerLink(Hypervisor hypervisor, PeerAddress address, UUID uuid) {
    this.hypervisor = hypervisor;
    this.address = address;
    this.uuid = uuid;
  }

  synchronized void open() throws HypervisorException {
    if (closed) {
      throw new HypervisorException(Kind.PeerUnreachable, -1, "the hand-over is over");
    }
    if (peer == null) {
      peer = hypervisor.connectPeer(address, CONNECT_DEADLINE);
      canResumePostCopy = peer.canResumePostCopy();
    }
  }

  /** Whether the target survives that; as it was when it could last be asked. */
  synchronized boolean canResumePostCopy() {
    return canResumePostCopy;
  }

  /** The target's host is off for certain: it is not asked any more. */
  void hostIsFenced() {
    hostFenced = true;
  }

  /** What the target says of the domain; {@code Unknown} if it can't be asked now. */
  synchronized TargetView view() {
    if (hostFenced) {
      return TargetView.HostFenced;
    }
    try {
      open();
      return peer == null
          ? TargetView.Unknown
          : peer.domain(uuid).map(PeerLink::viewOf).orElse(TargetView.Absent);
    } catch (HypervisorException e) {
      disconnect();
      return TargetView.Unknown;
    }
  }

  /** What is known of it anyway. */
  TargetView viewWithoutAsking() {
    return hostFenced ? TargetView.HostFenced : TargetView.Unknown;
  }

  private static TargetView viewOf(DomainState state) {
    return switch (state.run()) {
      case Running -> TargetView.Runs;
      case RunningPostCopy -> TargetView.RunsPostCopy;
      case Paused -> TargetView.CompleteAndHeld;
      case PausedForMigration, PausedForPostCopy, StartingUp -> TargetView.Incoming;
      case ShutOff -> state.wasNeverRun() ? TargetView.Discarded : TargetView.ArrivedAndOff;
      case Other -> TargetView.Unknown;
    };
  }

  synchronized void resume() throws HypervisorException {
    open();
    if (peer != null) {
      peer.resume(uuid);
    }
  }

  /** Destroys and undefines the target's half; never one that runs. */
  synchronized void discard() throws HypervisorException {
    open();
    if (peer != null) {
      peer.discard(uuid);
    }
  }

  /** The target's figures of the transfer; empty if it has none or can't be asked. */
  synchronized Optional<JobStatistics> completedJob() {
    try {
      return peer == null ? Optional.empty() : peer.completedJob(uuid);
    } catch (HypervisorException e) {
      return Optional.empty(); // figures only: the source's own event has them, too
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    disconnect();
  }

  private void disconnect() {
    if (peer != null) {
      peer.close();
      peer = null;
    }
  }
}
