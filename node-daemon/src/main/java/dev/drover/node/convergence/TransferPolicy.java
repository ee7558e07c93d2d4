package dev.drover.node.convergence;

import java.time.Duration;

/**
 * What the spec allows.
 *
 * @param postCopyAllowed the guest may go on at the target before all of its memory is there
 * @param completionTimeout after this much of transfer, {@code postCopyOnTimeout} decides
 * @param postCopyOnTimeout true: switch to post-copy then; false: abort
 */
public record TransferPolicy(
    boolean postCopyAllowed, Duration completionTimeout, boolean postCopyOnTimeout) {

  public TransferPolicy {
    if (postCopyOnTimeout && !postCopyAllowed) {
      throw new IllegalArgumentException("post-copy at the timeout needs post-copy to be allowed");
    }
  }
}
