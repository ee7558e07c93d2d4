package dev.drover.node.source;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.Probe;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.GuestDescription.Disk;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PoolState;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Describes the guest for the target's daemon, and says what it can't move before anything is
 * touched. The one thing it makes is a probe beside each disk: a small volume whose content nobody
 * can guess.
 */
final class GuestInspection {
  /** What came of it. */
  sealed interface Outcome {
    record Movable(Guest guest) implements Outcome {}

    record Immovable(Reason reason, String message) implements Outcome {}
  }

  private static final int PROBE_BYTES = 16;
  private static final String PROBE_PREFIX = "drover-probe-";

  private final Hypervisor hypervisor;
  private final SecureRandom random = new SecureRandom();

  GuestInspection(Hypervisor hypervisor) {
    this.hypervisor = hypervisor;
  }

  Outcome inspect(String migrationUid, UUID uuid) throws HypervisorException {
    var domain = hypervisor.domain(uuid).orElse(null);
    if (domain == null
        || !(domain.run() == DomainState.Run.Running || domain.run() == DomainState.Run.Paused)) {
      return new Outcome.Immovable(
          Reason.VirtualMachineNotRunning,
          domain == null ? "the domain is not here" : "the domain is " + domain.run());
    }
    var description = hypervisor.describe(uuid);
    if (!description.blockers().isEmpty()) {
      return immovable(description.blockers());
    }
    for (Disk disk : description.disks()) {
      var refusal = refuse(disk);
      if (refusal != null) {
        return refusal;
      }
    }
    return new Outcome.Movable(guest(migrationUid, description));
  }

  private static Outcome immovable(List<Blocker> blockers) {
    var reason =
        switch (blockers.getFirst().kind()) {
          case HostDevice -> Reason.HostDeviceAttached;
          case Snapshots -> Reason.SnapshotsPresent;
          case SharedFilesystem -> Reason.SharedFilesystemAttached;
          case TransientDisk -> Reason.DiskNotMovable;
          case ActiveJob -> Reason.DomainBusy;
        };
    return new Outcome.Immovable(
        reason, String.join("; ", blockers.stream().map(Blocker::detail).toList()));
  }

  private static Outcome.@Nullable Immovable refuse(Disk disk) {
    return switch (disk.kind()) {
      case File ->
          disk.pool() == null || disk.volume() == null
              ? new Outcome.Immovable(
                  Reason.DiskOutsidePool,
                  "disk %s (%s) lies in no active storage pool; define one over its directory"
                      .formatted(disk.target(), disk.path()))
              : null;
      case Network, Empty -> null;
      case Block, Other ->
          new Outcome.Immovable(
              Reason.DiskNotMovable,
              "disk %s is neither a file in a storage pool nor a network volume"
                  .formatted(disk.target()));
    };
  }

  private Guest guest(String migrationUid, GuestDescription description)
      throws HypervisorException {
    Map<String, Probe> probes = new HashMap<>();
    List<SourceReport.Disk> disks = new ArrayList<>();
    for (Disk disk : description.disks()) {
      Probe probe = null;
      String pool = disk.pool();
      if (disk.kind() == Disk.Kind.File && pool != null) {
        probe = probes.get(pool);
        if (probe == null) {
          probe = placeProbe(migrationUid, pool);
          probes.put(pool, probe);
        }
      }
      disks.add(
          new SourceReport.Disk(
              disk.target(),
              switch (disk.kind()) {
                case File -> SourceReport.Disk.Kind.File;
                case Network -> SourceReport.Disk.Kind.Network;
                case Empty -> SourceReport.Disk.Kind.Empty;
                case Block, Other -> throw new IllegalStateException("refused before: " + disk);
              },
              pool,
              disk.volume(),
              disk.path(),
              disk.format(),
              disk.capacityBytes(),
              disk.allocationBytes(),
              disk.readOnly(),
              disk.shareable(),
              disk.hasBackingFile(),
              probe));
    }
    var state = description.state();
    return new Guest(
        state.name(),
        state.run() == DomainState.Run.Paused,
        state.persistent(),
        state.memoryBytes(),
        state.vcpus(),
        description.architecture(),
        description.machineType(),
        description.virtualization(),
        List.copyOf(disks));
  }

  private Probe placeProbe(String migrationUid, String pool) throws HypervisorException {
    byte[] secret = new byte[PROBE_BYTES];
    random.nextBytes(secret);
    var content = HexFormat.of().formatHex(secret);
    var volume = PROBE_PREFIX + migrationUid;
    hypervisor.deleteVolume(
        pool, volume); // of a life of this daemon that died before it could say so
    hypervisor.writeProbe(pool, volume, content.getBytes(US_ASCII));
    return new Probe(volume, content);
  }

  /** Removes the probes of that migration, also those that were never reported. */
  void removeProbes(String migrationUid, @Nullable Guest guest) throws HypervisorException {
    List<String> pools =
        guest == null
            ? hypervisor.pools().stream()
                .filter(p -> p.active() && p.filesystem())
                .map(PoolState::name)
                .toList()
            : guest.disks().stream()
                .filter(d -> d.probe() != null)
                .map(SourceReport.Disk::pool)
                .distinct()
                .toList();
    for (String pool : pools) {
      hypervisor.deleteVolume(pool, PROBE_PREFIX + migrationUid);
    }
  }
}
