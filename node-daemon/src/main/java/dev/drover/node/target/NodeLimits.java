package dev.drover.node.target;

import java.util.Map;
import java.util.Optional;

/** What the admins allow this node; asked anew for each migration. */
@FunctionalInterface
public interface NodeLimits {
  /** HypervisorNode's {@code spec.maxIncoming}. */
  int maxIncoming();

  /**
   * HypervisorNode's {@code spec.bridges}: what takes the place of a guest's bridge, by the name
   * that the guest has for it.
   */
  default Map<String, String> bridges() {
    return Map.of();
  }

  /** HypervisorNode's {@code spec.copyPool}: where copies of network volumes go; empty: nowhere. */
  default Optional<String> copyPool() {
    return Optional.empty();
  }
}
