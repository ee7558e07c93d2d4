package dev.drover.node.target;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.VolumeSpec;
import dev.drover.node.marker.Markers;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes the volumes of a plan, and removes them again: only those, never a volume that somebody
 * else made under the same name. What a daemon that died in between has made is known by a marker:
 * a tiny volume named after the migration, which is there from just before the first volume is made
 * until the reservation has been told.
 */
final class TargetVolumes {
  /** Why the volumes could not be made; none of them is left then. */
  record Refusal(Reason reason, String message) {}

  private static final String MARKER_PREFIX = "drover-making-";

  private final Hypervisor hypervisor;
  private final String nodeName;
  private final Markers markers;

  TargetVolumes(Hypervisor hypervisor, String nodeName) {
    this.hypervisor = hypervisor;
    this.nodeName = nodeName;
    this.markers =
        new Markers(
            hypervisor, MARKER_PREFIX, (uid, content) -> content.equals(contentOfMarker(uid)));
  }

  /**
   * Makes what is not there yet; null if all of it is.
   *
   * @throws HypervisorException if it is not known what was made; to be called again, it finds that
   *     out
   */
  @Nullable Refusal make(String migrationUid, Guest guest, List<DiskPlan> copies)
      throws HypervisorException {
    if (copies.isEmpty()) {
      return null;
    }
    boolean begunBefore = isMarked(migrationUid, copies);
    if (!begunBefore) {
      for (DiskPlan copy : copies) {
        if (hypervisor.volume(pool(copy), volume(copy)).isPresent()) {
          return exists(copy);
        }
      }
      markers.put(pool(copies.getFirst()), migrationUid, contentOfMarker(migrationUid));
    }
    List<DiskPlan> made = new ArrayList<>();
    for (DiskPlan copy : copies) {
      Refusal refusal;
      try {
        refusal = makeOne(guest, copy, begunBefore, made);
      } catch (HypervisorException e) {
        if (e.kind() == Kind.Unavailable || e.kind() == Kind.Timeout) {
          throw e; // it may have been made after all; the next try finds it
        }
        refusal =
            e.kind() == Kind.AlreadyExists
                ? exists(copy)
                : new Refusal(
                    e.kind() == Kind.NoSpace
                        ? Reason.InsufficientDiskSpace
                        : Reason.ReservationFailed,
                    "volume \"%s\" in pool \"%s\": %s"
                        .formatted(copy.volume(), copy.pool(), e.getMessage()));
      }
      if (refusal != null) {
        remove(made);
        unmark(migrationUid, copies);
        return refusal;
      }
    }
    return null;
  }

  private @Nullable Refusal makeOne(
      Guest guest, DiskPlan copy, boolean begunBefore, List<DiskPlan> made)
      throws HypervisorException {
    if (!begunBefore || hypervisor.volume(pool(copy), volume(copy)).isEmpty()) {
      hypervisor.createVolume(
          new VolumeSpec(
              pool(copy),
              volume(copy),
              Objects.requireNonNull(copy.format()),
              Objects.requireNonNull(copy.capacityBytes()),
              base(copy)));
    }
    made.add(copy);
    if (copy.movesToVolume()) {
      return null; // the guest's definition will name it
    }
    var path = hypervisor.volume(pool(copy), volume(copy)).orElseThrow().path();
    boolean samePath =
        guest.disks().stream()
            .filter(d -> d.target().equals(copy.target()))
            .anyMatch(d -> path.equals(d.path()));
    return samePath
        ? null
        : new Refusal(
            Reason.PoolMissing,
            "pool \"%s\" is at another path here (%s); the guest could not find its disk %s"
                .formatted(copy.pool(), path, copy.target()));
  }

  /** The path is this host's own libvirt's. */
  private VolumeSpec.@Nullable Base base(DiskPlan copy) throws HypervisorException {
    var base = copy.base();
    if (base == null) {
      return null;
    }
    var here =
        hypervisor
            .volume(base.pool(), base.volume())
            .orElseThrow(
                () ->
                    new HypervisorException(
                        Kind.NotFound,
                        -1,
                        "the backing file %s of pool %s has vanished"
                            .formatted(base.volume(), base.pool())));
    return new VolumeSpec.Base(here.path(), base.format());
  }

  private static Refusal exists(DiskPlan copy) {
    return new Refusal(
        Reason.VolumeExists,
        "pool \"%s\" has a volume \"%s\" by now; it is not touched"
            .formatted(copy.pool(), copy.volume()));
  }

  /**
   * After the reservation was told: all of the plan's volumes are this migration's, and status says
   * so.
   */
  void unmark(String migrationUid, List<DiskPlan> copies) throws HypervisorException {
    if (!copies.isEmpty()) {
      markers.remove(pool(copies.getFirst()), migrationUid);
    }
  }

  /**
   * Removes the markers of reservations that ended while nobody was here to do it.
   *
   * @param underWay uids of the migrations to this node that have not ended
   */
  void removeLeftMarkers(Supplier<Set<String>> underWay) throws HypervisorException {
    markers.removeEnded(underWay);
  }

  /** Removes all volumes of a plan whose reservation was told. */
  void removeReserved(String migrationUid, List<DiskPlan> copies) throws HypervisorException {
    remove(copies);
    unmark(migrationUid, copies);
  }

  /** Removes what was made for a reservation that was never told, if anything was. */
  void removeBegun(String migrationUid, List<DiskPlan> copies) throws HypervisorException {
    if (!copies.isEmpty() && isMarked(migrationUid, copies)) {
      removeReserved(migrationUid, copies);
    }
  }

  private boolean isMarked(String migrationUid, List<DiskPlan> copies) throws HypervisorException {
    return hypervisor.volume(pool(copies.getFirst()), markers.of(migrationUid)).isPresent();
  }

  private void remove(List<DiskPlan> copies) throws HypervisorException {
    for (DiskPlan copy : copies) {
      hypervisor.deleteVolume(pool(copy), volume(copy));
    }
  }

  private String contentOfMarker(String migrationUid) {
    return migrationUid + " " + nodeName;
  }

  private static String pool(DiskPlan copy) {
    return Objects.requireNonNull(copy.pool());
  }

  private static String volume(DiskPlan copy) {
    return Objects.requireNonNull(copy.volume());
  }
}
