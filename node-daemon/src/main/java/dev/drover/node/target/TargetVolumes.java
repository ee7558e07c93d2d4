package dev.drover.node.target;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.VolumeSpec;
import dev.drover.node.hypervisor.VolumeState;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Makes the volumes of a plan, and removes them again. When the plan was written none of them
 * existed, so whatever carries its names later is this migration's.
 */
final class TargetVolumes {
  /** Why the volumes could not be made; none of them is left then. */
  record Refusal(Reason reason, String message) {}

  private final Hypervisor hypervisor;

  TargetVolumes(Hypervisor hypervisor) {
    this.hypervisor = hypervisor;
  }

  /** Makes what is not there yet; null if all of it is. */
  @Nullable Refusal make(Guest guest, List<DiskPlan> copies) throws HypervisorException {
    for (DiskPlan copy : copies) {
      Refusal refusal;
      try {
        refusal = makeOne(guest, copy);
      } catch (HypervisorException e) {
        if (e.kind() == Kind.Unavailable) {
          throw e; // nothing can be removed now; the next try finds what is there
        }
        refusal =
            new Refusal(
                e.kind() == Kind.NoSpace ? Reason.InsufficientDiskSpace : Reason.ReservationFailed,
                "volume \"%s\" in pool \"%s\": %s"
                    .formatted(copy.volume(), copy.pool(), e.getMessage()));
      }
      if (refusal != null) {
        remove(copies);
        return refusal;
      }
    }
    return null;
  }

  private @Nullable Refusal makeOne(Guest guest, DiskPlan copy) throws HypervisorException {
    var spec =
        new VolumeSpec(
            Objects.requireNonNull(copy.pool()),
            Objects.requireNonNull(copy.volume()),
            Objects.requireNonNull(copy.format()),
            Objects.requireNonNull(copy.capacityBytes()));
    VolumeState made = hypervisor.volume(spec.pool(), spec.name()).orElse(null);
    if (made == null) {
      hypervisor.createVolume(spec);
      made = hypervisor.volume(spec.pool(), spec.name()).orElseThrow();
    }
    String path = made.path();
    boolean samePath =
        guest.disks().stream()
            .filter(d -> d.target().equals(copy.target()))
            .anyMatch(d -> path.equals(d.path()));
    return samePath
        ? null
        : new Refusal(
            Reason.PoolMissing,
            "pool \"%s\" is at another path here (%s); the guest could not find its disk %s"
                .formatted(spec.pool(), path, copy.target()));
  }

  /** Removes whatever of the plan is there. */
  void remove(List<DiskPlan> copies) throws HypervisorException {
    for (DiskPlan copy : copies) {
      hypervisor.deleteVolume(
          Objects.requireNonNull(copy.pool()), Objects.requireNonNull(copy.volume()));
    }
  }
}
