package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.HugePages;
import dev.drover.node.hypervisor.FreePages;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Whether this host has the memory that a guest needs, of the kind that it needs: what is made of
 * huge pages takes nothing of the ordinary memory, and the other way round.
 */
final class MemoryFit {
  private final Hypervisor hypervisor;
  private final Holds holds;

  MemoryFit(Hypervisor hypervisor, Holds holds) {
    this.hypervisor = hypervisor;
    this.holds = holds;
  }

  /** All that is missing here, with what others are on their way with. */
  List<Blocker> missing(String migrationUid, Guest guest) throws HypervisorException {
    List<Blocker> missing = new ArrayList<>();
    long ordinary = ordinaryBytes(guest);
    if (ordinary > 0) {
      long free = hypervisor.availableMemoryBytes() - holds.memoryBytesOfOthers(migrationUid);
      if (ordinary > free) {
        missing.add(
            Blocker.of(
                Reason.InsufficientMemory,
                "the guest has %d MiB, %d MiB are free here"
                    .formatted(ordinary >> 20, Math.max(0, free >> 20))));
      }
    }
    if (!hugePages(guest).isEmpty()) {
      missing.addAll(missingPages(migrationUid, guest, hypervisor.freePages()));
    }
    return missing;
  }

  private List<Blocker> missingPages(String migrationUid, Guest guest, FreePages here) {
    List<Blocker> missing = new ArrayList<>();
    Map<Long, Long> needed = new TreeMap<>();
    for (HugePages pages : hugePages(guest)) {
      OptionalLong size = size(pages, here);
      if (size.isEmpty() || !here.freeBytes().containsKey(size.getAsLong())) {
        missing.add(
            Blocker.of(
                Reason.InsufficientHugePages,
                "the guest's memory is made of pages of %s; this host has %s"
                    .formatted(
                        size.isEmpty() ? "the default huge size" : size.getAsLong() + " KiB",
                        sizes(here))));
      } else {
        needed.merge(size.getAsLong(), pages.bytes(), Long::sum);
      }
    }
    needed.forEach(
        (size, bytes) -> {
          long free =
              here.freeBytes().getOrDefault(size, 0L) - heldByOthers(migrationUid, size, here);
          if (bytes > free) {
            missing.add(
                Blocker.of(
                    Reason.InsufficientHugePages,
                    "the guest needs %d MiB in pages of %d KiB; %d MiB of them are free here"
                        .formatted(bytes >> 20, size, Math.max(0, free >> 20))));
          }
        });
    return missing;
  }

  private long heldByOthers(String migrationUid, long size, FreePages here) {
    boolean isDefault = here.defaultKibibytes().equals(OptionalLong.of(size));
    return holds.hugePageBytesOfOthers(migrationUid, size)
        + (isDefault ? holds.hugePageBytesOfOthers(migrationUid, Holds.DEFAULT_SIZE) : 0);
  }

  private static String sizes(FreePages here) {
    return here.freeBytes().isEmpty()
        ? "no huge pages"
        : here.freeBytes().keySet().stream()
            .sorted()
            .map(size -> size + " KiB")
            .collect(Collectors.joining(", "));
  }

  /** What a hold for that guest takes of each size; libvirt need not be there to be asked. */
  static Map<Long, Long> pageBytes(Guest guest) {
    Map<Long, Long> bytes = new TreeMap<>();
    for (HugePages pages : hugePages(guest)) {
      Long size = pages.pageKibibytes();
      bytes.merge(size == null ? Holds.DEFAULT_SIZE : size, pages.bytes(), Long::sum);
    }
    return bytes;
  }

  /** Without what is made of huge pages. */
  static long ordinaryBytes(Guest guest) {
    long huge = hugePages(guest).stream().mapToLong(HugePages::bytes).sum();
    return Math.max(0, guest.memoryBytes() - huge);
  }

  private static OptionalLong size(HugePages pages, FreePages here) {
    Long size = pages.pageKibibytes();
    return size == null ? here.defaultKibibytes() : OptionalLong.of(size);
  }

  private static List<HugePages> hugePages(Guest guest) {
    var surroundings = guest.surroundings();
    return surroundings == null ? List.of() : surroundings.hugePagesOrEmpty();
  }
}
