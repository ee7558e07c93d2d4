package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Storage;
import dev.drover.api.v1alpha1.SourceReport.BackingImage;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.backing.ImageDigests.Answer;
import dev.drover.node.hypervisor.HypervisorException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Adds to the description of a guest what its backing images consist of, for a target that has to
 * know. Reading them takes time, and most targets see the same storage and need none of it.
 */
final class BackingDigests {
  private final ImageDigests digests;

  BackingDigests(ImageDigests digests) {
    this.digests = digests;
  }

  /** Whether a copy may have to stand on an image whose digest is not told yet. */
  static boolean mayBeNeeded(Guest guest, LiveMigrationSpec spec) {
    return guest.disks().stream()
        .filter(disk -> mayStandOnItsBase(disk, spec))
        .flatMap(disk -> disk.backingOrEmpty().stream())
        .anyMatch(BackingDigests::isUntold);
  }

  private static boolean mayStandOnItsBase(Disk disk, LiveMigrationSpec spec) {
    return disk.kind() == Disk.Kind.File
        && spec.storageOrDefault() == Storage.Auto
        && !disk.readOnly()
        && !disk.shareable()
        && (spec.disksOrEmpty().isEmpty() || spec.disksOrEmpty().contains(disk.target()));
  }

  private static boolean isUntold(BackingImage image) {
    return image.sha256() == null && image.pool() != null && image.volume() != null;
  }

  /** The guest with all of them; empty as long as one is being read, or if none can be. */
  Optional<Guest> added(Guest guest, LiveMigrationSpec spec) throws HypervisorException {
    boolean reading = false;
    boolean found = false;
    List<Disk> disks = new ArrayList<>();
    for (Disk disk : guest.disks()) {
      List<BackingImage> images = new ArrayList<>();
      for (BackingImage image : disk.backingOrEmpty()) {
        String pool = image.pool();
        String volume = image.volume();
        if (pool == null
            || volume == null
            || image.sha256() != null
            || !mayStandOnItsBase(disk, spec)) {
          images.add(image);
          continue;
        }
        var answer = digests.ask(pool, volume);
        reading |= answer instanceof Answer.Reading;
        if (answer instanceof Answer.Known(var sha256)) {
          found = true;
          images.add(image.withSha256(sha256));
        } else {
          images.add(image);
        }
      }
      disks.add(images.isEmpty() ? disk : disk.withBacking(List.copyOf(images)));
    }
    return reading || !found ? Optional.empty() : Optional.of(guest.withDisks(List.copyOf(disks)));
  }
}
