package dev.drover.node.target;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.drover.api.v1alpha1.LiveMigrationSpec.Storage;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.VolumeState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Whether a guest fits on this host, and what becomes of each of its disks. Touches nothing.
 *
 * <p>A disk is shared when this host reads, beside it, the content that the source's daemon has
 * just written there; a name, a path or a file system type proves nothing.
 */
final class TargetCheck {
  /** What came of it. */
  sealed interface Outcome {
    /** It fits. */
    record Fits(List<DiskPlan> plan) implements Outcome {}

    /** It does not. */
    record Refused(Reason reason, String message) implements Outcome {}
  }

  private static final int PROBE_MAX_BYTES = 1024;

  private final Hypervisor hypervisor;
  private final Holds holds;

  TargetCheck(Hypervisor hypervisor, Holds holds) {
    this.hypervisor = hypervisor;
    this.holds = holds;
  }

  Outcome check(String migrationUid, UUID domain, Guest guest, Storage storage)
      throws HypervisorException {
    var refusal = checkDomain(domain, guest);
    if (refusal == null) {
      refusal = checkMemory(migrationUid, guest);
    }
    return refusal != null ? refusal : planDisks(migrationUid, guest, storage);
  }

  private Outcome.@Nullable Refused checkDomain(UUID domain, Guest guest)
      throws HypervisorException {
    for (DomainState here : hypervisor.domains()) {
      if (here.uuid().equals(domain) || here.name().equals(guest.domainName())) {
        return new Outcome.Refused(
            Reason.DomainExistsOnTarget,
            "domain \"%s\" (%s) exists here, %s; undefine it or rename one of the two"
                .formatted(here.name(), here.uuid(), here.run()));
      }
    }
    if (!hypervisor.supportsMachine(
        guest.architecture(), guest.virtualization(), guest.machineType())) {
      return new Outcome.Refused(
          Reason.MachineTypeUnsupported,
          "the emulator here does not know machine type %s on %s (%s)"
              .formatted(guest.machineType(), guest.architecture(), guest.virtualization()));
    }
    return null;
  }

  private Outcome.@Nullable Refused checkMemory(String migrationUid, Guest guest)
      throws HypervisorException {
    long free = hypervisor.availableMemoryBytes() - holds.memoryBytesOfOthers(migrationUid);
    return guest.memoryBytes() <= free
        ? null
        : new Outcome.Refused(
            Reason.InsufficientMemory,
            "the guest has %d MiB, %d MiB are free here"
                .formatted(guest.memoryBytes() >> 20, Math.max(0, free >> 20)));
  }

  private Outcome planDisks(String migrationUid, Guest guest, Storage storage)
      throws HypervisorException {
    Map<String, PoolState> pools =
        hypervisor.pools().stream().collect(Collectors.toMap(PoolState::name, Function.identity()));
    List<DiskPlan> plan = new ArrayList<>();
    Map<String, Long> roomNeeded = new HashMap<>();
    boolean writableShared = false;
    for (Disk disk : guest.disks()) {
      if (disk.kind() != Disk.Kind.File) {
        plan.add(stays(disk));
        continue;
      }
      String pool = disk.pool();
      String volume = disk.volume();
      if (pool == null || volume == null) {
        return new Outcome.Refused(
            Reason.DiskOutsidePool, "disk %s is in no storage pool".formatted(disk.target()));
      }
      var state = pools.get(pool);
      if (state == null || !state.active()) {
        return new Outcome.Refused(
            Reason.PoolMissing,
            "disk %s needs an active storage pool \"%s\" here".formatted(disk.target(), pool));
      }
      if (seesProbe(pool, disk.probe())) {
        plan.add(stays(disk));
        writableShared |= !disk.readOnly();
        continue;
      }
      var refusal = refuseCopy(disk, pool, volume, storage);
      if (refusal != null) {
        return refusal;
      }
      roomNeeded.merge(pool, disk.allocationBytes(), Long::sum);
      plan.add(
          new DiskPlan(
              disk.target(),
              DiskPlan.Action.Copy,
              pool,
              volume,
              disk.format(),
              disk.capacityBytes()));
    }
    if (storage == Storage.Block && writableShared && roomNeeded.isEmpty()) {
      return new Outcome.Refused(
          Reason.StorageIsShared,
          "this host sees the guest's disks already, so there is nothing to copy; use storage: Auto or Shared");
    }
    for (var need : roomNeeded.entrySet()) {
      long free =
          Objects.requireNonNull(pools.get(need.getKey())).availableBytes()
              - holds.poolBytesOfOthers(migrationUid, need.getKey());
      if (need.getValue() > free) {
        return new Outcome.Refused(
            Reason.InsufficientDiskSpace,
            "pool \"%s\" has %d MiB free, the guest's disks take up %d MiB"
                .formatted(need.getKey(), Math.max(0, free >> 20), need.getValue() >> 20));
      }
    }
    return new Outcome.Fits(List.copyOf(plan));
  }

  private Outcome.@Nullable Refused refuseCopy(
      Disk disk, String pool, String volume, Storage storage) throws HypervisorException {
    if (storage == Storage.Shared || disk.readOnly() || disk.shareable()) {
      return new Outcome.Refused(
          Reason.StorageNotShared,
          "disk %s: this host does not see the source's pool \"%s\"; share it%s"
              .formatted(
                  disk.target(),
                  pool,
                  disk.readOnly() || disk.shareable() ? "" : ", or use storage: Auto or Block"));
    }
    if (disk.hasBackingFile()) {
      return new Outcome.Refused(
          Reason.BackingChainNotSupported,
          "disk %s stands on a backing file; flatten it first (virsh blockpull)"
              .formatted(disk.target()));
    }
    Optional<VolumeState> there = hypervisor.volume(pool, volume);
    if (there.isPresent()) {
      return new Outcome.Refused(
          Reason.VolumeExists,
          "pool \"%s\" has a volume \"%s\" already; it is not touched".formatted(pool, volume));
    }
    return null;
  }

  private boolean seesProbe(String pool, SourceReport.@Nullable Probe probe)
      throws HypervisorException {
    if (probe == null) {
      return false;
    }
    var content = hypervisor.readProbe(pool, probe.volume(), PROBE_MAX_BYTES);
    return content.isPresent() && probe.content().equals(new String(content.get(), US_ASCII));
  }

  private static DiskPlan stays(Disk disk) {
    return new DiskPlan(disk.target(), DiskPlan.Action.Stay, null, null, null, null);
  }

  /** What a hold for that guest takes. */
  static Holds.Need need(Guest guest, List<DiskPlan> plan) {
    Map<String, Long> poolBytes = new HashMap<>();
    for (DiskPlan copy : plan) {
      String pool = copy.pool();
      if (copy.isCopy() && pool != null) {
        long bytes =
            guest.disks().stream()
                .filter(d -> d.target().equals(copy.target()))
                .mapToLong(Disk::allocationBytes)
                .sum();
        poolBytes.merge(pool, bytes, Long::sum);
      }
    }
    return new Holds.Need(guest.memoryBytes(), poolBytes);
  }
}
