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
    if (isOverdue()) {
      throw new Ended(
          Reason.CompletionTimeout,
          "not over after %d s; the guest is here"
              .formatted(signals.limits().completionTimeout().toSeconds()));
    }
  }

  /** Whether {@link #mayGoOn} would not throw; for calls that can be given up. */
  boolean isWanted() {
    return signals.stop().isEmpty() && !isOverdue();
  }

  private boolean isOverdue() {
    return clock.instant().isAfter(startedAt.plus(signals.limits().completionTimeout()));
  }

  /** The domain here; asks for as long as libvirt is away and the migration may go on. */
  Optional<DomainState> domain() throws Ended, InterruptedException {
    while (true) {
      try {
        return hypervisor.domain(order.uuid());
      } catch (HypervisorException e) {
        mayGoOn();
        signals.await(TICK);
      }
    }
  }

  /** Throws if the guest does not lie still: what is copied would be no disk of any moment. */
  void requireOff() throws Ended, InterruptedException {
    var here = domain();
    requireNotStarted();
    if (here.filter(d -> d.run() != Run.ShutOff).isPresent()) {
      throw guestStarted();
    }
    if (here.isEmpty()) {
      throw new Ended(
          Reason.GuestStopped, "the guest's definition was removed here while it was being moved");
    }
  }

  /** Throws if the guest was started since it was known to be off, even if it is off again. */
  void requireNotStarted() throws Ended {
    if (signals.started()) {
      throw guestStarted();
    }
  }

  private static Ended guestStarted() {
    return new Ended(
        Reason.GuestStarted, "the guest was started here while it was being moved; it stays");
  }
}
