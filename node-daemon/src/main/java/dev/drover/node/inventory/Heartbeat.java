package dev.drover.node.inventory;

import dev.drover.node.LogKeys;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.InstantSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says that this daemon lives, whatever libvirt does. A renewal that fails is repeated after a
 * second, for as long as it takes.
 */
final class Heartbeat {
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
  private static final Duration RETRY = Duration.ofSeconds(1);

  private final HeartbeatLease lease;
  private final Duration interval;
  private final InstantSource clock;
  private final Counter renewals;
  private final Counter failures;
  private boolean failing;

  Heartbeat(HeartbeatLease lease, Duration interval, InstantSource clock, MeterRegistry registry) {
    this.lease = lease;
    this.interval = interval;
    this.clock = clock;
    this.renewals =
        Counter.builder("drover.daemon.lease.renewals")
            .description("Renewals of the heartbeat Lease")
            .register(registry);
    this.failures =
        Counter.builder("drover.daemon.lease.failures")
            .description("Renewals of the heartbeat Lease that failed")
            .register(registry);
  }

  /** Renews the Lease; returns how long to wait for the next time. */
  Duration round() {
    var started = clock.instant();
    try {
      lease.renew(started);
    } catch (ApiException e) {
      failures.increment();
      if (!failing) {
        failing = true;
        LOG.atWarn()
            .addKeyValue(LogKeys.CODE, e.code())
            .addKeyValue(LogKeys.ERROR, e.getMessage())
            .log("The heartbeat could not be renewed; it is tried every second");
      }
      return RETRY;
    }
    renewals.increment();
    if (failing) {
      failing = false;
      LOG.atInfo().log("The heartbeat is renewed again");
    }
    return new Due(started, interval).remaining(clock.instant());
  }
}
