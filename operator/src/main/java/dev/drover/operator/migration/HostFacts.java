package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.api.v1alpha1.HypervisorNodeStatus.Pool;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a host's own object says against a guest, so that the host need not be asked: only what its
 * daemon would say, too. Free memory and free room are not among it; they change by the second.
 */
final class HostFacts {
  /** QEMU's own versioned types: {@code pc-q35-9.2}, {@code virt-9.2}. */
  private static final Pattern VERSIONED =
      Pattern.compile("(?:pc-q35|pc-i440fx|virt|s390-ccw-virtio)-([0-9]+)[.]([0-9]+)");

  private static final Pattern VERSION = Pattern.compile("([0-9]+)[.]([0-9]+)[.].*");

  /** A list that is that long may have been cut. */
  private static final int ALL_POOLS_KNOWN_BELOW = 64;

  private HostFacts() {}

  static List<Blocker> against(Guest guest, HypervisorNodeStatus host) {
    List<Blocker> blockers = new ArrayList<>();
    machine(guest, host).ifPresent(blockers::add);
    Long memory = host.memoryBytes();
    if (memory != null && guest.memoryBytes() > memory) {
      blockers.add(
          Blocker.of(
              Reason.InsufficientMemory,
              "the guest has %d MiB, the whole host %d MiB"
                  .formatted(guest.memoryBytes() >> 20, memory >> 20)));
    }
    blockers.addAll(pools(guest, host));
    return List.copyOf(blockers);
  }

  private static Optional<Blocker> machine(Guest guest, HypervisorNodeStatus host) {
    String architecture = host.architecture();
    if (architecture != null
        && !architecture.isEmpty()
        && guest.virtualization().equals("kvm")
        && !architecture.equals(guest.architecture())) {
      return Optional.of(
          Blocker.of(
              Reason.MachineTypeUnsupported,
              "the guest is %s, the host %s".formatted(guest.architecture(), architecture)));
    }
    Matcher wanted = VERSIONED.matcher(guest.machineType());
    String qemu = host.qemuVersion();
    Matcher has = VERSION.matcher(qemu == null ? "" : qemu);
    boolean older = wanted.matches() && has.matches() && number(has) < number(wanted);
    return older
        ? Optional.of(
            Blocker.of(
                Reason.MachineTypeUnsupported,
                "machine type %s is newer than QEMU %s".formatted(guest.machineType(), qemu)))
        : Optional.empty();
  }

  private static long number(Matcher version) {
    return Long.parseLong(version.group(1)) * 1000 + Long.parseLong(version.group(2));
  }

  private static List<Blocker> pools(Guest guest, HypervisorNodeStatus host) {
    List<Pool> pools = host.pools();
    if (pools == null || pools.size() >= ALL_POOLS_KNOWN_BELOW) {
      return List.of();
    }
    Set<String> active =
        pools.stream().filter(Pool::active).map(Pool::name).collect(Collectors.toSet());
    return guest.disks().stream()
        .filter(disk -> disk.kind() == Disk.Kind.File)
        .map(Disk::pool)
        .filter(Objects::nonNull)
        .distinct()
        .filter(pool -> !active.contains(pool))
        .map(
            pool ->
                Blocker.of(
                    Reason.PoolMissing,
                    "the guest's disks need an active storage pool \"%s\"".formatted(pool)))
        .toList();
  }
}
