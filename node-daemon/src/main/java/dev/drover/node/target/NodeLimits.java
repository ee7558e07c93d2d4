package dev.drover.node.target;

/** What the admins allow this node; asked anew for each migration. */
@FunctionalInterface
public interface NodeLimits {
  /** HypervisorNode's {@code spec.maxIncoming}. */
  int maxIncoming();
}
