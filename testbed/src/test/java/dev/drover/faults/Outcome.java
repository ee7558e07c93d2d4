package dev.drover.faults;

/** What became of the guest. */
enum Outcome {
  /** It runs at the target; the migration says Succeeded. */
  Moved,
  /** It runs at the source; the migration says Failed. */
  Stayed,
  /** It is gone with its host or its QEMU process, and the migration has ended. */
  Gone,
  /** The migration has not ended, and says what it waits for. */
  Waits,
  /** The migration has not ended, and does not say why. */
  Silent
}
