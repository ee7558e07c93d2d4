package dev.drover.node.hypervisor;

import java.util.concurrent.CompletableFuture;

/** A transfer that this process has started. */
public interface Transfer extends AutoCloseable {

  /**
   * Completes when libvirt's call has returned: normally if the guest is complete on the target,
   * else exceptionally with a {@link HypervisorException}. Neither says where the guest runs.
   */
  CompletableFuture<Void> returned();

  /** Gives the connection back, once the call has returned; never ends the transfer. */
  @Override
  void close();
}
