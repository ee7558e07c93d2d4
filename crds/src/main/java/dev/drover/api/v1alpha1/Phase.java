package dev.drover.api.v1alpha1;

import java.util.EnumSet;
import java.util.Set;

/**
 * Where a migration stands. Within one attempt phases only go forward; {@link #mayBecome} is the
 * whole table. An attempt that has failed in a phase that {@link #mayBeTriedAgain} may be followed
 * by another, which begins in {@link #Pending}: the pair of attempt and phase only goes forward.
 *
 * <p>The order of the constants is documentation, not API: nothing compares ordinals.
 */
public enum Phase {
  /** Accepted; the virtual machine, its host and a target are being looked for. */
  Pending,
  /** Source and target are chosen; both daemons check that it can work and say so. */
  PreMigration,
  /**
   * The target's daemon takes memory, a slot and disk space for the guest, and makes its volumes.
   */
  Reservation,
  /** Disks, then memory, then dirty pages again and again; the guest runs at the source. */
  PreCopy,
  /** The guest stands still while the rest and the CPU state go over. */
  StopAndCopy,
  /** The guest runs at the target while the rest of its memory follows. */
  PostCopy,
  /** The guest runs at the target and nowhere else; the source is being cleaned up. */
  Commitment,
  /** Terminal: the guest is at the target, the source is clean. */
  Succeeded,
  /** Terminal: the guest is where it was, the target is clean; {@code status.failure} says why. */
  Failed,
  /**
   * Terminal: stopped because somebody asked for it; the guest is where it was, the target is
   * clean.
   */
  Aborted;

  private static final Set<Phase> TERMINAL = EnumSet.of(Succeeded, Failed, Aborted);

  /** Whether nothing will ever change any more. */
  public boolean isTerminal() {
    return TERMINAL.contains(this);
  }

  /**
   * Whether the source's daemon may be moving the guest, so that only its evidence says where the
   * guest is.
   */
  public boolean isTransferring() {
    return switch (this) {
      case PreCopy, StopAndCopy, PostCopy -> true;
      default -> false;
    };
  }

  /**
   * Whether an attempt that fails in this phase may be followed by another one. From {@link
   * #PostCopy} on the guest is not only at the source any more.
   */
  public boolean mayBeTriedAgain() {
    return switch (this) {
      case Pending, PreMigration, Reservation, PreCopy, StopAndCopy -> true;
      case PostCopy, Commitment, Succeeded, Failed, Aborted -> false;
    };
  }

  /**
   * Whether a migration in this phase may be in {@code next} afterwards. Staying is allowed, going
   * back never is, and from {@link #Commitment} on there is only success: the guest has moved.
   */
  public boolean mayBecome(Phase next) {
    return this == next
        || switch (this) {
          case Pending -> next == PreMigration || next == Failed || next == Aborted;
          // A dry run ends well without having moved anything.
          case PreMigration ->
              next == Reservation || next == Succeeded || next == Failed || next == Aborted;
          case Reservation -> next == PreCopy || next == Failed || next == Aborted;
          case PreCopy ->
              next == StopAndCopy
                  || next == PostCopy
                  || next == Commitment
                  || next == Failed
                  || next == Aborted;
          case StopAndCopy ->
              next == PostCopy || next == Commitment || next == Failed || next == Aborted;
          case PostCopy -> next == Commitment || next == Failed;
          case Commitment -> next == Succeeded;
          case Succeeded, Failed, Aborted -> false;
        };
  }
}
