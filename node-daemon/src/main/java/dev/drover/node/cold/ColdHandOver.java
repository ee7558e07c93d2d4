package dev.drover.node.cold;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import java.util.Optional;

/**
 * What to do next once the disks are at the target and the intention to move the definition is
 * written. Pure; docs/explanation/hand-over.md has the table and why it is safe.
 *
 * <p>To be asked only when both hosts have answered and no call of ours is under way.
 */
final class ColdHandOver {
  /** What to do. */
  enum Verdict {
    /** The definition is here only: move it. */
    Move,
    /** It is on both hosts, as after a crash of libvirt in between: remove it here. */
    RemoveHere,
    /** It is at the target only. */
    Arrived,
    /** Somebody has started the guest here: it stays. */
    Stays,
    /** Neither host has it. */
    Lost,
    /** Nothing that a program may decide. */
    Wait
  }

  private ColdHandOver() {}

  static Verdict decide(Optional<DomainState> here, Optional<DomainState> there) {
    boolean offHere = here.filter(d -> d.run() == Run.ShutOff).isPresent();
    boolean activeThere = there.filter(d -> d.run() != Run.ShutOff).isPresent();
    if (here.isEmpty()) {
      return there.isPresent() ? Verdict.Arrived : Verdict.Lost;
    }
    if (!offHere) {
      return activeThere ? Verdict.Wait : Verdict.Stays;
    }
    return there.isPresent() ? Verdict.RemoveHere : Verdict.Move;
  }
}
