package dev.drover.node.hypervisor;

import java.time.Duration;

/**
 * A process held by a pidfd (pidfd_open(2)): the handle stays with this very process, whatever
 * becomes of its number.
 */
public interface EmulatorProcess extends AutoCloseable {

  long pid();

  /**
   * Waits at most {@code timeout}; true once the process is gone. A process that is gone can't run
   * a guest.
   */
  boolean awaitExit(Duration timeout);

  @Override
  void close();
}
