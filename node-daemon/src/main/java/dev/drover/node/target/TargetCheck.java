package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Storage;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.api.v1alpha1.TargetReport.Doorway;
import dev.drover.api.v1alpha1.TargetReport.Pinning;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.stream.StreamCheck;
import dev.drover.node.way.Doors;
import dev.drover.node.way.HostCertificates;
import dev.drover.node.way.Way;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a guest fits on this host, and what becomes of each of its disks. Touches nothing, and
 * goes on after the first thing that is in the way: who is to mend it wants to know all of it.
 *
 * <p>A disk is shared when this host reads, beside it, the content that the source's daemon has
 * just written there; a name, a path or a file system type proves nothing.
 */
final class TargetCheck {
  /**
   * What came of it.
   *
   * @param plan what would become of each disk that can be had here
   * @param pinning what would become of the guest's pins; empty: they stay
   * @param blockers all that keeps the guest from coming, in the order of the checks; empty if it
   *     fits
   * @param warnings what does not keep it from coming
   * @param doorway where the source may try the way to here; null if it is not to
   */
  record Outcome(
      List<DiskPlan> plan,
      Optional<Pinning> pinning,
      List<Blocker> blockers,
      List<Blocker> warnings,
      @Nullable Doorway doorway) {
    /** Whether more will be known in a while, and nothing else is in the way. */
    boolean unfinished() {
      return !blockers.isEmpty()
          && blockers.stream()
              .allMatch(b -> b.reason().equals(Reason.BackingFileNotCompared.name()));
    }

    Outcome {
      plan = List.copyOf(plan);
      blockers = List.copyOf(blockers);
      warnings = List.copyOf(warnings);
    }

    boolean fits() {
      return blockers.isEmpty();
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(TargetCheck.class);

  private final Hypervisor hypervisor;
  private final Holds holds;
  private final NodeLimits node;
  private final Way way;
  private final HostFit hostFit;
  private final MemoryFit memoryFit;
  private final Probes probes;
  private final BaseProof bases;

  TargetCheck(Hypervisor hypervisor, Holds holds, NodeLimits node, Way way, ImageDigests digests) {
    this.hypervisor = hypervisor;
    this.holds = holds;
    this.node = node;
    this.way = way;
    this.hostFit = new HostFit(hypervisor, node);
    this.memoryFit = new MemoryFit(hypervisor, holds);
    this.probes = new Probes(hypervisor);
    this.bases = new BaseProof(hypervisor, probes, digests);
  }

  Outcome check(String migrationUid, UUID domain, Guest guest, LiveMigrationSpec spec)
      throws HypervisorException {
    List<Blocker> blockers = new ArrayList<>(StreamCheck.against(spec, hypervisor.host()));
    List<Blocker> warnings = new ArrayList<>();
    checkDomain(domain, guest, blockers);
    checkCpu(guest, blockers);
    checkNetworks(guest, blockers);
    blockers.addAll(memoryFit.missing(migrationUid, guest));
    checkPostCopy(guest, spec, blockers);
    var pinning = hostFit.pinning(guest.surroundings(), spec.pinsOrDefault(), blockers);
    blockers.addAll(hostFit.missing(guest.surroundings()));
    var plan = planDisks(migrationUid, guest, CopyRule.of(spec), blockers);
    var doorway = checkWay(migrationUid, spec.dryRunRequested(), blockers, warnings);
    return new Outcome(
        plan,
        pinning,
        blockers.stream().distinct().limit(Blocker.MOST).toList(),
        warnings,
        doorway);
  }

  /** Whether a transfer could come in; in a dry run the source is let try. */
  private @Nullable Doorway checkWay(
      String migrationUid, boolean dryRun, List<Blocker> blockers, List<Blocker> warnings) {
    var certificates = way.certificates();
    if (certificates.isPresent()) {
      var findings = certificates.get().asServer();
      blockers.addAll(findings.blockers());
      warnings.addAll(findings.warnings());
    }
    var door = dryRun ? way.doors().open(migrationUid) : way.doors().look();
    return switch (door) {
      case Doors.Found.Open(int port, String greeting) ->
          new Doorway(
              port, greeting, certificates.flatMap(HostCertificates::authorities).orElse(null));
      case Doors.Found.NoneFree(PortRange range) -> {
        blockers.add(
            Blocker.of(
                Reason.NoMigrationPort,
                "none of the ports %s, by which a guest could come, is free here"
                    .formatted(range)));
        yield null;
      }
      case Doors.Found.Free _ -> null;
      case Doors.Found.Unknown(String why) -> {
        LOG.atInfo()
            .addKeyValue("error", why)
            .log("The ports by which a guest could come could not be looked at");
        yield null;
      }
    };
  }

  private void checkDomain(UUID domain, Guest guest, List<Blocker> blockers)
      throws HypervisorException {
    for (DomainState here : hypervisor.domains()) {
      if (here.uuid().equals(domain) || here.name().equals(guest.domainName())) {
        blockers.add(
            Blocker.of(
                Reason.DomainExistsOnTarget,
                "domain \"%s\" (%s) exists here, %s; undefine it or rename one of the two"
                    .formatted(here.name(), here.uuid(), here.run())));
      }
    }
    if (!hypervisor.supportsMachine(
        guest.architecture(), guest.virtualization(), guest.machineType())) {
      blockers.add(
          Blocker.of(
              Reason.MachineTypeUnsupported,
              "the emulator here does not know machine type %s on %s (%s)"
                  .formatted(guest.machineType(), guest.architecture(), guest.virtualization())));
    }
  }

  /**
   * libvirt's own comparison, with what this emulator can give: labels and models prove nothing.
   */
  private void checkCpu(Guest guest, List<Blocker> blockers) throws HypervisorException {
    String cpu = guest.cpu();
    if (cpu != null) {
      hypervisor
          .cpuDifference(guest.architecture(), guest.virtualization(), guest.machineType(), cpu)
          .ifPresent(difference -> blockers.add(Blocker.of(Reason.CpuIncompatible, difference)));
    }
  }

  private void checkNetworks(Guest guest, List<Blocker> blockers) throws HypervisorException {
    List<String> needed = guest.networks();
    if (needed == null || needed.isEmpty()) {
      return;
    }
    Set<String> here = hypervisor.networks();
    for (String network : needed) {
      if (!here.contains(network)) {
        blockers.add(
            Blocker.of(
                Reason.NetworkMissing,
                "the guest needs an active virtual network \"%s\" here".formatted(network)));
      }
    }
  }

  /** A paused guest goes without it. */
  private void checkPostCopy(Guest guest, LiveMigrationSpec spec, List<Blocker> blockers)
      throws HypervisorException {
    if (spec.postCopyOrDefault() == PostCopyPolicy.Allowed && !guest.paused()) {
      hypervisor
          .postCopyObstacle()
          .ifPresent(why -> blockers.add(Blocker.of(Reason.PostCopyUnsupported, why)));
    }
  }

  private List<DiskPlan> planDisks(
      String migrationUid, Guest guest, CopyRule rule, List<Blocker> blockers)
      throws HypervisorException {
    var pools = pools();
    List<DiskPlan> plan = new ArrayList<>();
    Map<String, Long> roomNeeded = new HashMap<>();
    boolean writableShared = false;
    rule.unknown(guest.disks()).ifPresent(blockers::add);
    boolean nothingToCopy = true;
    for (Disk disk : guest.disks()) {
      if (rule.copiesNetworkVolume(disk)) {
        nothingToCopy = false;
        var copy = networkCopy(guest, disk, pools, blockers);
        copy.ifPresent(plan::add);
        copy.ifPresent(
            c -> roomNeeded.merge(String.valueOf(c.pool()), disk.copyBytes(false), Long::sum));
        continue;
      }
      if (disk.kind() != Disk.Kind.File) {
        rule.staying(disk).ifPresent(blockers::add);
        plan.add(stays(disk));
        continue;
      }
      String pool = disk.pool();
      String volume = disk.volume();
      if (pool == null || volume == null) {
        blockers.add(
            Blocker.of(
                Reason.DiskOutsidePool, "disk %s is in no storage pool".formatted(disk.target())));
        continue;
      }
      var state = pools.get(pool);
      if (state == null || !state.active()) {
        nothingToCopy = false;
        blockers.add(
            Blocker.of(
                Reason.PoolMissing,
                "disk %s needs an active storage pool \"%s\" here".formatted(disk.target(), pool)));
        continue;
      }
      if (probes.sees(pool, disk.probe())) {
        rule.staying(disk).ifPresent(blockers::add);
        plan.add(stays(disk));
        writableShared |= !disk.readOnly();
        continue;
      }
      nothingToCopy = false;
      var base = checkCopy(disk, pool, volume, rule, blockers);
      roomNeeded.merge(pool, disk.copyBytes(base != null), Long::sum);
      plan.add(
          new DiskPlan(
              disk.target(),
              DiskPlan.Action.Copy,
              pool,
              volume,
              disk.format(),
              disk.capacityBytes(),
              base));
    }
    if (rule.storage() == Storage.Block && writableShared && nothingToCopy) {
      blockers.add(
          Blocker.of(
              Reason.StorageIsShared,
              "this host sees the guest's disks already, so there is nothing to copy; use storage: Auto or Shared"));
    }
    requireRoom(migrationUid, roomNeeded, blockers);
    return plan;
  }

  private Map<String, PoolState> pools() throws HypervisorException {
    return hypervisor.pools().stream()
        .collect(Collectors.toMap(PoolState::name, Function.identity()));
  }

  /**
   * After each pool was looked into for what is to come there, which has refreshed it: libvirt does
   * not see by itself that a file beside its own takes room, or has gone.
   */
  private void requireRoom(
      String migrationUid, Map<String, Long> roomNeeded, List<Blocker> blockers)
      throws HypervisorException {
    var pools = roomNeeded.isEmpty() ? Map.<String, PoolState>of() : pools();
    for (var need : roomNeeded.entrySet()) {
      var pool = pools.get(need.getKey());
      long free =
          (pool == null ? 0 : pool.availableBytes())
              - holds.poolBytesOfOthers(migrationUid, need.getKey());
      if (need.getValue() > free) {
        blockers.add(
            Blocker.of(
                Reason.InsufficientDiskSpace,
                "pool \"%s\" has %d MiB free, the guest's disks take up %d MiB"
                    .formatted(need.getKey(), Math.max(0, free >> 20), need.getValue() >> 20)));
      }
    }
  }

  /** The server may not tell what of it is in use, so all of it needs room. */
  private Optional<DiskPlan> networkCopy(
      Guest guest, Disk disk, Map<String, PoolState> pools, List<Blocker> blockers)
      throws HypervisorException {
    var pool = node.copyPool();
    if (pool.isEmpty()) {
      blockers.add(
          Blocker.of(
              Reason.DiskNotMovable,
              "disk %s is a network volume, and this host's HypervisorNode has no spec.copyPool for its copy"
                  .formatted(disk.target())));
      return Optional.empty();
    }
    var state = pools.get(pool.get());
    if (state == null || !state.active() || !state.filesystem()) {
      blockers.add(
          Blocker.of(
              Reason.PoolMissing,
              "disk %s is to be copied into this host's spec.copyPool \"%s\", which is no active pool of files"
                  .formatted(disk.target(), pool.get())));
      return Optional.empty();
    }
    String format = Objects.requireNonNullElse(disk.format(), "raw");
    String volume = "%s-%s.%s".formatted(guest.domainName(), disk.target(), format);
    refuseIfThere(pool.get(), volume, blockers);
    return Optional.of(
        new DiskPlan(
            disk.target(),
            DiskPlan.Action.Copy,
            pool.get(),
            volume,
            format,
            disk.capacityBytes(),
            null,
            true));
  }

  private void refuseIfThere(String pool, String volume, List<Blocker> blockers)
      throws HypervisorException {
    if (hypervisor.volume(pool, volume).isPresent()) {
      blockers.add(
          Blocker.of(
              Reason.VolumeExists,
              "pool \"%s\" has a volume \"%s\" already; it is not touched"
                  .formatted(pool, volume)));
    }
  }

  /**
   * @return what the copy is to stand on; null: nothing
   */
  private DiskPlan.@Nullable Base checkCopy(
      Disk disk, String pool, String volume, CopyRule rule, List<Blocker> blockers)
      throws HypervisorException {
    if (!rule.mayCopy(disk)) {
      blockers.add(
          Blocker.of(
              Reason.StorageNotShared,
              "disk %s: this host does not see the source's pool \"%s\"; share it%s"
                  .formatted(
                      disk.target(),
                      pool,
                      disk.readOnly() || disk.shareable()
                          ? ""
                          : ", or let it be copied (spec.storage, spec.disks)")));
      return null;
    }
    if (disk.hasBackingFile() && rule.cold()) {
      blockers.add(
          Blocker.of(
              Reason.BackingChainNotSupported,
              "disk %s stands on a backing file, and files are moved as they are; flatten it first (qemu-img rebase)"
                  .formatted(disk.target())));
    }
    var base = disk.hasBackingFile() && rule.keepsBases() ? base(disk, blockers) : null;
    refuseIfThere(pool, volume, blockers);
    return base;
  }

  private DiskPlan.@Nullable Base base(Disk disk, List<Blocker> blockers)
      throws HypervisorException {
    return switch (bases.prove(disk)) {
      case BaseProof.Verdict.Proved(var nearest) ->
          new DiskPlan.Base(
              Objects.requireNonNull(nearest.pool()),
              Objects.requireNonNull(nearest.volume()),
              Objects.requireNonNullElse(nearest.format(), "raw"));
      case BaseProof.Verdict.Missing(var why) -> {
        blockers.add(
            Blocker.of(
                Reason.BackingChainNotSupported,
                "disk %s stands on a backing file: %s".formatted(disk.target(), why)));
        yield null;
      }
      case BaseProof.Verdict.Unfinished(var why) -> {
        blockers.add(
            Blocker.of(
                Reason.BackingFileNotCompared,
                "disk %s stands on a backing file: %s".formatted(disk.target(), why)));
        yield null;
      }
    };
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
                .mapToLong(d -> d.copyBytes(copy.base() != null))
                .sum();
        poolBytes.merge(pool, bytes, Long::sum);
      }
    }
    return new Holds.Need(MemoryFit.ordinaryBytes(guest), MemoryFit.pageBytes(guest), poolBytes);
  }
}
