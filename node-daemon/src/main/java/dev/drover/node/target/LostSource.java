package dev.drover.node.target;

import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.DomainState;
import java.util.List;
import java.util.Optional;

/**
 * What becomes of the half of a guest that is here once the other half is lost for certain: the
 * source's host is fenced, so nothing runs there and nothing more comes from it. A pure function.
 *
 * <p>A complete copy that is held may be older than what the guest last did: it may have gone on at
 * the source for a moment before that host was lost. A copy whose disks came along is as if the
 * power had failed a moment earlier, and goes on. One whose disks are shared must not: its memory
 * would no longer fit them, so it is started anew from them.
 */
final class LostSource {
  /** What is to be done. */
  sealed interface Action {

    /** Nothing here is of use: the domain goes, and the volumes that were made for it. */
    record Discard() implements Action {}

    /** The domain goes; its volumes stay, as they may have what nobody else has. */
    record KeepVolumes(String because) implements Action {}

    /** Let it go on. */
    record Resume() implements Action {}

    /** End the copy, and start the guest from its disks. */
    record StartAnew() implements Action {}

    /** It is here already. */
    record Leave(String message) implements Action {}

    /** Nothing is touched. */
    record AskAPerson(String message) implements Action {}
  }

  private LostSource() {}

  /**
   * @param startIntended it was written that the guest is to be started anew, by an earlier life of
   *     this daemon if not by this one
   */
  static Action decide(
      Optional<DomainState> here, Guest guest, List<DiskPlan> plan, boolean startIntended) {
    boolean copies = plan.stream().anyMatch(DiskPlan::isCopy);
    if (here.isEmpty()) {
      // One that had arrived would be defined here.
      return guest.persistent() || !copies
          ? new Action.Discard()
          : new Action.KeepVolumes("a transient guest leaves no trace if it ran here and ended");
    }
    return switch (here.get().run()) {
      case Running -> new Action.Leave("The guest runs here");
      case ShutOff ->
          startIntended
              ? new Action.StartAnew()
              : new Action.Leave("The guest is defined here, and shut off");
      case PausedForMigration, StartingUp -> new Action.Discard();
      case RunningPostCopy ->
          new Action.KeepVolumes("the guest ran here, without the memory that was lost");
      case Paused -> held(here.get(), guest, plan);
      case PausedForPostCopy, Other ->
          new Action.AskAPerson(
              "The domain is in a state that tells nothing (%s)"
                  .formatted(here.get().reasonText()));
    };
  }

  private static Action held(DomainState here, Guest guest, List<DiskPlan> plan) {
    if (guest.paused()) {
      return new Action.Leave("All of the guest is here, paused as it was");
    }
    if (!writesToSharedDisk(guest, plan)) {
      return new Action.Resume();
    }
    return here.persistent()
        ? new Action.StartAnew()
        : new Action.AskAPerson(
            "All of the guest is here, held; its disks are shared, and it may have written to them since. Destroy it and"
                + " start it anew, or resume it if you know better");
  }

  private static boolean writesToSharedDisk(Guest guest, List<DiskPlan> plan) {
    return plan.stream()
        .filter(disk -> !disk.isCopy())
        .anyMatch(
            disk ->
                guest.disks() == null
                    || guest.disks().stream()
                        .filter(d -> d.target().equals(disk.target()))
                        .noneMatch(d -> d.readOnly()));
  }
}
