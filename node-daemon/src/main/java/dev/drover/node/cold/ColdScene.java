package dev.drover.node.cold;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;

/** What the parts of one cold migration share, and what each of them asks now and then. */
record ColdScene(
    ColdOrder order,
    Hypervisor hypervisor,
    InstantSource clock,
    ColdSignals signals,
    Target target,
    Instant startedAt) {

  static final Duration TICK = Duration.ofMillis(200);

  /** Throws once somebody wants it to end, or it has taken too long. */
  void mayGoOn() throws Ended {
    var stop = signals.stop();
    if (stop.isPresent()) {
      throw new Ended(stop.get().reason(), stop.get().message());
    }
    var timeout = signals.limits().completionTimeout();
    if (clock.instant().isAfter(startedAt.plus(timeout))) {
      throw new Ended(
          Reason.CompletionTimeout,
          "not over after " + timeout.toSeconds() + " s; the guest is here");
    }
  }

  /** The domain here, however long libvirt is away. */
  Optional<DomainState> domain() throws InterruptedException {
    while (true) {
      try {
        return hypervisor.domain(order.uuid());
      } catch (HypervisorException e) {
        signals.await(TICK);
      }
    }
  }

  /** Throws if the guest does not lie still: what is copied would be no disk of any moment. */
  void requireOff() throws Ended, InterruptedException {
    var here = domain();
    if (signals.started() || here.filter(d -> d.run() != Run.ShutOff).isPresent()) {
      throw new Ended(
          Reason.GuestStarted, "the guest was started here while it was being moved; it stays");
    }
    if (here.isEmpty()) {
      throw new Ended(
          Reason.GuestStopped, "the guest's definition was removed here while it was being moved");
    }
  }
}
