package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import java.util.Optional;

/** This host's HypervisorNode in the API server. */
interface NodeObject {

  /** Its status, empty if there is none yet; or no object. */
  Optional<HypervisorNodeStatus> read() throws ApiException;

  /**
   * Applies this daemon's part of the status; makes the object first, if there is none. True if it
   * had to be made.
   */
  boolean apply(HypervisorNodeStatus status) throws ApiException;
}
