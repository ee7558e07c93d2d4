package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Storage;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.node.hypervisor.GuestDescription;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which disks the spec has copied (docs/reference/storage.md).
 *
 * @param named {@code spec.disks}; empty: {@code storage} alone decides
 * @param cold the files are moved as they are, of a guest that is off
 */
record CopyRule(Storage storage, Set<String> named, boolean cold) {
  CopyRule {
    named = Set.copyOf(named);
  }

  static CopyRule of(LiveMigrationSpec spec) {
    return new CopyRule(spec.storageOrDefault(), Set.copyOf(spec.disksOrEmpty()), spec.cold());
  }

  /**
   * Whether a disk that the target does not see may be copied. What is read-only or shared with
   * other guests never is; the firmware's variables, which are no disk to anybody, always are.
   */
  boolean mayCopy(Disk disk) {
    if (disk.target().equals(GuestDescription.NVRAM)) {
      return true;
    }
    return storage != Storage.Shared
        && !disk.readOnly()
        && !disk.shareable()
        && (named.isEmpty() || named.contains(disk.target()));
  }

  /**
   * Whether a copied disk goes on standing on what it stands on; with {@code storage: Block}, its
   * copy has all of it.
   */
  boolean keepsBases() {
    return storage != Storage.Block && !cold;
  }

  /**
   * Whether a network volume is to be copied: only if it is named, never if others may use it, and
   * never shut off (DESIGN.md 2).
   */
  boolean copiesNetworkVolume(Disk disk) {
    return disk.kind() == Disk.Kind.Network
        && !cold
        && named.contains(disk.target())
        && !disk.readOnly()
        && !disk.shareable();
  }

  /** For a disk that the target reaches where it is. */
  Optional<Blocker> staying(Disk disk) {
    if (!named.contains(disk.target())) {
      return Optional.empty();
    }
    return Optional.of(
        disk.kind() == Disk.Kind.File
            ? Blocker.of(
                Reason.StorageIsShared,
                "disk %s is to be copied, but this host sees the same bytes: a copy would go onto itself"
                    .formatted(disk.target()))
            : Blocker.of(
                Reason.DiskNotMovable,
                "disk %s is to be copied, but neither an empty drive is, nor a volume that is read-only or shared; take it out of spec.disks"
                    .formatted(disk.target())));
  }

  /** Names that no disk has, in the order of the alphabet. */
  Optional<Blocker> unknown(List<Disk> disks) {
    var unknown =
        named.stream()
            .filter(name -> disks.stream().noneMatch(disk -> disk.target().equals(name)))
            .sorted()
            .toList();
    return unknown.isEmpty()
        ? Optional.empty()
        : Optional.of(
            Blocker.of(
                Reason.DiskNotFound,
                "the guest has no disk %s; it has %s"
                    .formatted(
                        String.join(", ", unknown),
                        String.join(", ", disks.stream().map(Disk::target).toList()))));
  }
}
