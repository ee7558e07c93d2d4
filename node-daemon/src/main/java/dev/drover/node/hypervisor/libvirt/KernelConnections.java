package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.hypervisor.TransferConnections;
import dev.drover.node.hypervisor.libvirt.TcpSocket.SocketId;
import java.util.HashSet;
import java.util.List;
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

  private List<TcpSocket> streams() throws HypervisorException {
    Set<Long> own = owners.socketsOf(pid);
    return SocketDiagnosis.to(target.address()).stream()
        .filter(socket -> own.contains(socket.inode()))
        .filter(socket -> ports.contains(socket.remotePort()))
        .filter(socket -> !before.contains(socket.id()))
        .toList();
  }
}
