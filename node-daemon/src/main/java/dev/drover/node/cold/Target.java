package dev.drover.node.cold;

import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.Peer;
import dev.drover.node.hypervisor.PeerAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The connection to the target's libvirt; opened again when it has broken. For one thread. */
final class Target {
  private static final Duration CONNECT_DEADLINE = Duration.ofSeconds(5);

  private final Hypervisor hypervisor;
  private final PeerAddress address;
  private @Nullable Peer peer;

  Target(Hypervisor hypervisor, PeerAddress address) {
    this.hypervisor = hypervisor;
    this.address = address;
  }

  Peer peer() throws HypervisorException {
    Peer open = peer;
    if (open == null) {
      open = hypervisor.connectPeer(address, CONNECT_DEADLINE);
      peer = open;
    }
    return open;
  }

  /** After a failure, and at the end; the next call connects anew. */
  void disconnect() {
    if (peer != null) {
      peer.close();
      peer = null;
    }
  }
}
