package dev.drover.node.cold;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** Shuts a guest down that is to be moved, and starts it again if it stays. */
final class GuestPower {
  /** A guest that boots, or is busy, may miss the button. */
  private static final Duration PRESS_AGAIN_AFTER = Duration.ofSeconds(15);

  private static final Duration START_DEADLINE = Duration.ofSeconds(60);

  private final ColdScene scene;

  GuestPower(ColdScene scene) {
    this.scene = scene;
  }

  /** Returns when it is off. */
  Instant shutDown() throws Ended, InterruptedException {
    var deadline = scene.clock().instant().plus(scene.order().shutdownTimeout());
    Instant pressAt = Instant.MIN;
    while (true) {
      Optional<DomainState> here = scene.domain();
      Instant now = scene.clock().instant();
      if (here.isEmpty()) {
        throw new Ended(Reason.GuestStopped, "the domain is gone");
      }
      if (here.get().run() == Run.ShutOff) {
        scene.signals().forgetStarted();
        return now;
      }
      scene.mayGoOn();
      if (now.isAfter(deadline)) {
        throw new Ended(
            Reason.ShutdownTimeout,
            "the guest did not shut down within %d s of the power button being pressed"
                .formatted(scene.order().shutdownTimeout().toSeconds()));
      }
      if (!now.isBefore(pressAt)) {
        press();
        pressAt = now.plus(PRESS_AGAIN_AFTER);
      }
      scene.signals().await(ColdScene.TICK);
    }
  }

  private void press() throws Ended {
    try {
      scene.hypervisor().shutDown(scene.order().uuid());
    } catch (HypervisorException e) {
      if (e.kind() != Kind.Unavailable && e.kind() != Kind.Timeout && e.kind() != Kind.Conflict) {
        throw new Ended(
            Reason.LibvirtError, "the guest can't be asked to shut down: " + e.getMessage());
      }
    }
  }

  /**
   * Starts the guest here, if it is off.
   *
   * @return what to add to the message, if it could not be started
   */
  Optional<String> startAgain() throws InterruptedException {
    var deadline = scene.clock().instant().plus(START_DEADLINE);
    while (true) {
      try {
        var here = scene.hypervisor().domain(scene.order().uuid());
        if (here.filter(d -> d.run() == Run.ShutOff).isPresent()) {
          scene.hypervisor().start(scene.order().uuid());
        }
        return Optional.empty();
      } catch (HypervisorException e) {
        boolean worthIt = e.kind() == Kind.Unavailable || e.kind() == Kind.Timeout;
        if (!worthIt || scene.clock().instant().isAfter(deadline)) {
          return Optional.of("; and it could not be started again here: " + e.getMessage());
        }
        scene.signals().await(ColdScene.TICK);
      }
    }
  }

  /**
   * The button can't be taken back: a guest that goes off after all, though it is to stay, is
   * started again.
   */
  void startIfItGoesOff(Duration within) throws InterruptedException {
    var deadline = scene.clock().instant().plus(within);
    while (!scene.signals().dismissed() && scene.clock().instant().isBefore(deadline)) {
      if (isOff()) {
        var unused = startAgain();
        return;
      }
      scene.signals().await(ColdScene.TICK);
    }
  }

  private boolean isOff() {
    try {
      var here = scene.hypervisor().domain(scene.order().uuid());
      return here.filter(d -> d.run() == Run.ShutOff).isPresent();
    } catch (HypervisorException e) {
      return false; // it is asked again
    }
  }
}
