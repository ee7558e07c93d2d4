package dev.drover.node.source;

import dev.drover.node.hypervisor.PeerAddress;
import java.util.Map;
import java.util.Optional;

/**
 * Where other hosts are reached: from their HypervisorNode's status, which only their own daemon
 * may write. And how they are wired: from its spec, which is the admins'.
 */
@FunctionalInterface
public interface PeerDirectory {
  /** Empty if there is no such node, or it has not said. */
  Optional<PeerAddress> addressOf(String nodeName);

  /**
   * Whether that host is off for certain: an admin says so ({@code spec.fenced}), and the operator
   * has found its daemon silent (condition {@code Ready}, reason {@code HostFenced}). False if it
   * can't be learned.
   */
  default boolean isFenced(String nodeName) {
    return false;
  }

  /** Whether memory and disks go encrypted. */
  default boolean encrypts() {
    return false;
  }

  /**
   * HypervisorNode's {@code spec.bridges}: which bridge of that host takes the place of a guest's,
   * by the name that the guest has for it.
   */
  default Map<String, String> bridgesOf(String nodeName) {
    return Map.of();
  }
}
