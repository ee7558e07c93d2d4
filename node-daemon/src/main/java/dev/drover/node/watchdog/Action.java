package dev.drover.node.watchdog;

/** What to do about a transfer. */
public sealed interface Action {

  /** Nothing: it goes on, or it is not the watchdog's to judge. */
  record Wait() implements Action {}

  /** Say it, and nothing else. */
  record Tell(String because) implements Action {}

  /** Break the connections that carry memory and disks: the emulator gives up at once. */
  record BreakStreams(String because) implements Action {}

  /** Break the connection of the two libvirts for this transfer. */
  record BreakControl(String because) implements Action {}

  /**
   * Stop the guest's CPUs for a moment, which is the event that libvirt waits for; it lets them go
   * on by itself when it has seen that the transfer is over.
   */
  record Nudge(String because) implements Action {}

  /** Restart this host's libvirt, if that is allowed; else say that a person has to. */
  record RestartLibvirt(String because) implements Action {}
}
