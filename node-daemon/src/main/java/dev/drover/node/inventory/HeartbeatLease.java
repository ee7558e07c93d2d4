package dev.drover.node.inventory;

import java.time.Instant;

/** This node's heartbeat Lease in the API server. */
@FunctionalInterface
interface HeartbeatLease {

  /** Makes it, or renews it. */
  void renew(Instant now) throws ApiException;
}
