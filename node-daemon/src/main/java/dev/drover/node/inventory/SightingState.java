package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.node.hypervisor.DomainState.Run;
import java.time.Duration;
import java.util.Optional;

/** What a hypervisor's state of a domain is called in a sighting, and how long it has to last. */
final class SightingState {
  /** A migration passes through; most are over before anybody needs to read of it. */
  static final Duration TRANSIT = Duration.ofSeconds(10);

  /** A guest that leaves is shut off, undefined and gone within the second: one write. */
  static final Duration LEAVING = Duration.ofMillis(300);

  /** A fenced arrival is held for some 10 ms before it is let go: not worth a write of its own. */
  static final Duration HELD = Duration.ofMillis(150);

  private SightingState() {}

  /**
   * The state, given what this host showed of the domain before. Held for a migration, a domain
   * looks the same on its way in and on its way out; only one that is leaving was complete here
   * before.
   */
  static State of(Run run, Optional<State> before) {
    return switch (run) {
      case Running, RunningPostCopy -> State.Running;
      case Paused -> State.Paused;
      case StartingUp -> State.Incoming;
      case PausedForPostCopy -> State.Outgoing;
      case PausedForMigration ->
          before.filter(SightingState::isComplete).isPresent() ? State.Outgoing : State.Incoming;
      case ShutOff -> State.ShutOff;
      case Other -> State.Other;
    };
  }

  /** Whether all of the guest is here. */
  static boolean isComplete(State state) {
    return switch (state) {
      case Running, Paused, Outgoing -> true;
      case Incoming, ShutOff, Other -> false;
    };
  }

  /** How long a state (empty: absent) has to last before it is written. */
  static Duration settling(Optional<State> state) {
    return state
        .map(
            s ->
                switch (s) {
                  // Running ends a migration: the operator waits for exactly this write.
                  case Running -> Duration.ZERO;
                  case Paused -> HELD;
                  case Incoming, Outgoing -> TRANSIT;
                  case ShutOff, Other -> LEAVING;
                })
        .orElse(LEAVING);
  }
}
