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
    /** The target has no definition that would outlive its libvirt: it gets one. */
    DefineThere,
    /** Both hosts have it: it is removed here. */
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
    boolean activeThere = there.filter(d -> d.run() != Run.ShutOff).isPresent();
    boolean definedThere = there.filter(DomainState::persistent).isPresent();
    if (here.isEmpty()) {
      return definedThere || activeThere ? Verdict.Arrived : Verdict.Lost;
    }
    if (here.get().run() != Run.ShutOff) {
      return activeThere ? Verdict.Wait : Verdict.Stays;
    }
    return definedThere ? Verdict.RemoveHere : Verdict.DefineThere;
  }
}
