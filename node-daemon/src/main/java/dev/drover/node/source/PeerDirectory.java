package dev.drover.node.source;

import dev.drover.node.hypervisor.PeerAddress;
import java.util.Optional;

/**
 * Where other hosts are reached: from their HypervisorNode's status, which only their own daemon
 * may write.
 */
@FunctionalInterface
public interface PeerDirectory {
  /** Empty if there is no such node, or it has not said. */
  Optional<PeerAddress> addressOf(String nodeName);
}
