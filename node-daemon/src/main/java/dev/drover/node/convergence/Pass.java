package dev.drover.node.convergence;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * One pass over what was dirty when it began, as the first look after its beginning saw it. Only
 * there is what remains known exactly: within a pass nobody counts what the guest writes.
 */
record Pass(Duration startedAt, int iteration, long remainingBytes, long dirtyBytesPerSecond) {

  /**
   * The passes after the first one, which goes over all of memory and so says nothing about the
   * guest.
   */
  static List<Pass> repeated(List<Sample> history) {
    List<Pass> passes = new ArrayList<>();
    int iteration = 0;
    for (Sample sample : history) {
      if (sample.iteration() < iteration) {
        passes.clear(); // another attempt of the hypervisor
      }
      if (sample.iteration() != iteration && sample.iteration() > 1) {
        passes.add(
            new Pass(
                sample.elapsed(),
                sample.iteration(),
                sample.memoryRemainingBytes(),
                sample.dirtyBytesPerSecond()));
      }
      iteration = sample.iteration();
    }
    return passes;
  }
}
