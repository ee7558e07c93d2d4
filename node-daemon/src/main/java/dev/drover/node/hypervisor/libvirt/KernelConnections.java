package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.hypervisor.TransferConnections;
import dev.drover.node.hypervisor.libvirt.TcpSocket.SocketId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The connections of one transfer.
 *
 * <p>INVARIANT: what is broken is the transfer's. A stream is one of the guest's own emulator, to
 * the target's address, to a port that libvirt lets incoming migrations listen on, and was not
 * there before the transfer, where that is known. So a guest's network disk at the same host, its
 * consoles and its VNC viewers are none.
 */
final class KernelConnections implements TransferConnections {
  private final UUID uuid;
  private final long pid;
  private final PeerAddress target;
  private final PortRange ports;
  private final SocketOwners owners;
  private final PeerClaims claims;
  private final Set<SocketId> before = new HashSet<>();

  /** By inode, as they were when they were judged. */
  private final Map<Long, TcpSocket> streams = new HashMap<>();

  /** Inodes of the emulator's sockets that are no streams. */
  private final Set<Long> others = new HashSet<>();

  /** Inodes of those that were no streams when they were looked at first: asked once more. */
  private final Set<Long> unclear = new HashSet<>();

  KernelConnections(
      UUID uuid,
      long pid,
      PeerAddress target,
      PortRange ports,
      boolean fresh,
      SocketOwners owners,
      PeerClaims claims)
      throws HypervisorException {
    this.uuid = uuid;
    this.pid = pid;
    this.target = target;
    this.ports = ports;
    this.owners = owners;
    this.claims = claims;
    if (fresh) {
      SocketDiagnosis.to(target.address()).forEach(socket -> before.add(socket.id()));
    }
  }

  @Override
  public Traffic traffic() throws HypervisorException {
    List<TcpSocket> streams = streams();
    return new Traffic(
        streams.size(),
        streams.stream().mapToLong(s -> s.bytesAcknowledged() + s.bytesReceived()).sum(),
        // Once is nothing: a packet was lost.
        streams.stream().anyMatch(s -> s.unanswered() > 1));
  }

  @Override
  public int breakStreams() throws HypervisorException {
    int broken = 0;
    for (TcpSocket stream : streams()) {
      broken += SocketDiagnosis.destroy(stream) ? 1 : 0;
    }
    return broken;
  }

  @Override
  public int breakControl() throws HypervisorException {
    Optional<TcpSocket> control = claims.of(uuid, target);
    return control.isPresent() && SocketDiagnosis.destroy(control.get()) ? 1 : 0;
  }

  @Override
  public void close() {
    claims.forget(uuid);
  }

  /**
   * This is asked five times a second as long as the transfer runs, so what is known is looked at
   * by itself: a list of all costs the kernel a walk through the whole machine's connections, and
   * is taken only when the emulator has a socket that was not judged yet.
   */
  private synchronized List<TcpSocket> streams() throws HypervisorException {
    Set<Long> own = owners.socketsOf(pid);
    streams.keySet().retainAll(own);
    others.retainAll(own);
    unclear.retainAll(own);
    if (own.stream().allMatch(inode -> streams.containsKey(inode) || others.contains(inode))) {
      List<TcpSocket> now = new ArrayList<>();
      for (TcpSocket stream : streams.values()) {
        SocketDiagnosis.again(stream).ifPresent(now::add);
      }
      return now;
    }
    judge(own);
    return List.copyOf(streams.values());
  }

  private void judge(Set<Long> own) throws HypervisorException {
    streams.clear();
    for (TcpSocket socket : SocketDiagnosis.to(target.address())) {
      if (own.contains(socket.inode())
          && ports.contains(socket.remotePort())
          && !before.contains(socket.id())) {
        streams.put(socket.inode(), socket);
      }
    }
    for (long inode : own) {
      // One that was just made is connected only a moment later.
      if (!streams.containsKey(inode) && !unclear.add(inode)) {
        others.add(inode);
      }
    }
  }
}
