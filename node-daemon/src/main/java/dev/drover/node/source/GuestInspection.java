package dev.drover.node.source;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Pins;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Shutdown;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.Probe;
import dev.drover.api.v1alpha1.SourceReport.Surroundings.Cell;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.GuestDescription.BackingImage;
import dev.drover.node.hypervisor.GuestDescription.Disk;
import dev.drover.node.hypervisor.HugePages;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.IdSet;
import dev.drover.node.hypervisor.Surroundings;
import dev.drover.node.marker.Markers;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Describes the guest for the target's daemon, and says what it can't move before anything is
 * touched. The one thing it makes is a probe beside each disk: a small volume whose content nobody
 * can guess.
 */
final class GuestInspection {
  /**
   * What came of it.
   *
   * @param guest null if it can't be described: there is no such active domain here
   * @param blockers all that keeps it from moving; empty if nothing does
   * @param cold of a guest that is moved shut off
   */
  record Outcome(@Nullable Guest guest, List<Blocker> blockers, @Nullable Cold cold) {
    Outcome {
      blockers = List.copyOf(blockers);
    }

    Outcome(@Nullable Guest guest, List<Blocker> blockers) {
      this(guest, blockers, null);
    }
  }

  private static final int PROBE_BYTES = 16;
  private static final String PROBE_PREFIX = "drover-probe-";

  /** As many as a report has room for; a longer chain counts as not known. */
  private static final int MOST_IMAGES = 16;

  private final Hypervisor hypervisor;
  private final String nodeName;
  private final Markers probes;
  private final SecureRandom random = new SecureRandom();

  GuestInspection(Hypervisor hypervisor, String nodeName) {
    this.hypervisor = hypervisor;
    this.nodeName = nodeName;
    this.probes =
        new Markers(hypervisor, PROBE_PREFIX, (uid, content) -> content.endsWith(signature(uid)));
  }

  /**
   * @param known what keeps it from moving, whatever the guest
   * @param describeAnyway a guest that can't be moved is described, too, and probes are placed: the
   *     hosts are to be checked nevertheless
   */
  Outcome inspect(
      String migrationUid,
      UUID uuid,
      List<Blocker> known,
      boolean describeAnyway,
      LiveMigrationSpec spec)
      throws HypervisorException {
    var domain = hypervisor.domain(uuid).orElse(null);
    if (domain == null
        || !(domain.run() == DomainState.Run.Running || domain.run() == DomainState.Run.Paused)) {
      return new Outcome(
          null,
          List.of(
              Blocker.of(
                  Reason.VirtualMachineNotRunning,
                  domain == null ? "the domain is not here" : "the domain is " + domain.run())));
    }
    return inspect(
        migrationUid,
        hypervisor.describe(uuid),
        Stream.concat(zeroCopyObstacle(uuid, spec).stream(), known.stream()).toList(),
        describeAnyway,
        null,
        spec);
  }

  /** The same of a guest that is moved shut off, and shut down for it if that is allowed. */
  Outcome inspectCold(
      String migrationUid, UUID uuid, boolean describeAnyway, LiveMigrationSpec spec)
      throws HypervisorException {
    var domain = hypervisor.domain(uuid).orElse(null);
    if (domain == null) {
      return blocked(Reason.VirtualMachineNotRunning, "the domain is not here");
    }
    boolean running = domain.run() == DomainState.Run.Running;
    if (!running && domain.run() != DomainState.Run.ShutOff) {
      return blocked(
          Reason.VirtualMachineRunning,
          "the domain is %s; shut it off, or let it run and use shutdown: Graceful"
              .formatted(domain.run()));
    }
    if (running && spec.shutdownOrDefault() != Shutdown.Graceful) {
      return blocked(
          Reason.VirtualMachineRunning,
          "the domain runs; shut it down, use shutdown: Graceful, or use mode: Live");
    }
    if (!domain.persistent()) {
      return blocked(
          Reason.TransientDomain, "the domain is transient; use mode: Live, or define it");
    }
    return inspect(
        migrationUid,
        hypervisor.describeShutOff(uuid),
        List.of(),
        describeAnyway,
        new Cold(running, null, null, null),
        spec);
  }

  private static Outcome blocked(Reason reason, String message) {
    return new Outcome(null, List.of(Blocker.of(reason, message)));
  }

  private Outcome inspect(
      String migrationUid,
      GuestDescription description,
      List<Blocker> known,
      boolean describeAnyway,
      @Nullable Cold cold,
      LiveMigrationSpec spec)
      throws HypervisorException {
    var blockers =
        Stream.of(
                description.blockers().stream().map(GuestInspection::blocker),
                description.disks().stream()
                    .map(GuestInspection::refusal)
                    .flatMap(Optional::stream),
                known.stream())
            .flatMap(Function.identity())
            .distinct()
            .limit(Blocker.MOST)
            .toList();
    if (!blockers.isEmpty() && !describeAnyway) {
      return new Outcome(null, blockers, cold);
    }
    return new Outcome(guest(migrationUid, description, spec), blockers, cold);
  }

  private Optional<Blocker> zeroCopyObstacle(UUID uuid, LiveMigrationSpec spec)
      throws HypervisorException {
    return spec.zeroCopyRequested()
        ? hypervisor.zeroCopyObstacle(uuid).map(why -> Blocker.of(Reason.ZeroCopyUnsupported, why))
        : Optional.empty();
  }

  private static Blocker blocker(GuestDescription.Blocker found) {
    return switch (found.kind()) {
      case HostDevice ->
          Blocker.of(Reason.HostDeviceAttached, "a device of the host: " + found.detail());
      case Snapshots -> Blocker.of(Reason.SnapshotsPresent, "snapshots: " + found.detail());
      case SharedFilesystem ->
          Blocker.of(
              Reason.SharedFilesystemAttached, "a file system of the host: " + found.detail());
      case HostBound -> Blocker.of(Reason.DeviceNotMovable, "tied to its host: " + found.detail());
      case TransientDisk ->
          Blocker.of(Reason.DiskNotMovable, "disk %s is transient".formatted(found.detail()));
      case ActiveJob -> Blocker.of(Reason.DomainBusy, "libvirt's job: " + found.detail());
      case ManagedSave ->
          Blocker.of(Reason.ManagedSavePresent, "saved memory of the guest lies on this host");
      case Tpm -> Blocker.of(Reason.TpmPresent, "an emulated TPM");
      case NvramOutsidePool ->
          Blocker.of(
              Reason.NvramOutsidePool,
              "the firmware's variables (%s) lie in no active storage pool"
                  .formatted(found.detail()));
    };
  }

  private static Optional<Blocker> refusal(Disk disk) {
    return switch (disk.kind()) {
      case File ->
          disk.pool() == null || disk.volume() == null
              ? Optional.of(
                  Blocker.of(
                      Reason.DiskOutsidePool,
                      "disk %s (%s) lies in no active storage pool; define one over its directory"
                          .formatted(disk.target(), disk.path())))
              : Optional.empty();
      case Network, Empty -> Optional.empty();
      case Block, Other ->
          Optional.of(
              Blocker.of(
                  Reason.DiskNotMovable,
                  "disk %s is neither a file in a storage pool nor a network volume"
                      .formatted(disk.target())));
    };
  }

  private Guest guest(String migrationUid, GuestDescription description, LiveMigrationSpec spec)
      throws HypervisorException {
    Map<String, Probe> probes = new HashMap<>();
    List<SourceReport.Disk> disks = new ArrayList<>();
    for (Disk disk : description.disks()) {
      if (refusal(disk).isPresent()) {
        continue; // no host is asked about a disk that can go nowhere
      }
      String pool = disk.pool();
      Probe probe = disk.kind() == Disk.Kind.File ? probe(migrationUid, pool, probes) : null;
      List<SourceReport.BackingImage> backing = new ArrayList<>();
      for (BackingImage image : disk.backing()) {
        backing.add(
            new SourceReport.BackingImage(
                image.pool(),
                image.volume(),
                image.path(),
                image.format(),
                image.allocationBytes(),
                null,
                probe(migrationUid, image.pool(), probes)));
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
              probe,
              backing.isEmpty() || backing.size() > MOST_IMAGES ? null : List.copyOf(backing)));
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
        description.cpu(),
        description.networks().isEmpty()
            ? null
            : description.networks().stream().limit(64).toList(),
        surroundings(description.surroundings(), spec),
        List.copyOf(disks));
  }

  private SourceReport.Surroundings surroundings(Surroundings found, LiveMigrationSpec spec)
      throws HypervisorException {
    IdSet cpus = found.cpus();
    IdSet numaNodes = found.numaNodes();
    List<Cell> cells = new ArrayList<>();
    boolean pinned = !cpus.isEmpty() || !numaNodes.isEmpty();
    if (pinned && spec.pinsOrDefault() == Pins.Remap) {
      var here = hypervisor.topology();
      cpus = cpus.within(here.cpus());
      numaNodes = numaNodes.within(here.numaNodes());
      for (int node : here.numaNodes().stream().toArray()) {
        IdSet of = here.cpusOf(node).within(cpus);
        if (!of.isEmpty()) {
          cells.add(new Cell(node, of.toString()));
        }
      }
    }
    return new SourceReport.Surroundings(
        found.autostart(),
        cpus.isEmpty() ? null : cpus.toString(),
        numaNodes.isEmpty() ? null : numaNodes.toString(),
        found.bridges().isEmpty() ? null : found.bridges().stream().limit(64).toList(),
        found.hugePages().isEmpty()
            ? null
            : found.hugePages().stream().limit(16).map(GuestInspection::pages).toList(),
        cells.isEmpty() ? null : List.copyOf(cells));
  }

  private static SourceReport.HugePages pages(HugePages found) {
    return new SourceReport.HugePages(
        found.pageKibibytes().isPresent() ? found.pageKibibytes().getAsLong() : null,
        found.bytes());
  }

  /** One for each pool. */
  private @Nullable Probe probe(
      String migrationUid, @Nullable String pool, Map<String, Probe> probes)
      throws HypervisorException {
    if (pool == null) {
      return null;
    }
    Probe probe = probes.get(pool);
    if (probe == null) {
      probe = placeProbe(migrationUid, pool);
      probes.put(pool, probe);
    }
    return probe;
  }

  private Probe placeProbe(String migrationUid, String pool) throws HypervisorException {
    byte[] secret = new byte[PROBE_BYTES];
    random.nextBytes(secret);
    var content = HexFormat.of().formatHex(secret) + signature(migrationUid);
    // Of a life of this daemon that died before it could say so.
    probes.remove(pool, migrationUid);
    probes.put(pool, migrationUid, content);
    return new Probe(probes.of(migrationUid), content);
  }

  /** Tells this node's probes from others'; no secret. */
  private String signature(String migrationUid) {
    return UUID.nameUUIDFromBytes((migrationUid + " " + nodeName).getBytes(US_ASCII))
        .toString()
        .replace("-", "");
  }

  private static Stream<String> probedPools(SourceReport.Disk disk) {
    return Stream.concat(
        disk.probe() == null ? Stream.empty() : Stream.ofNullable(disk.pool()),
        disk.backingOrEmpty().stream()
            .filter(image -> image.probe() != null)
            .flatMap(image -> Stream.ofNullable(image.pool())));
  }

  /** Removes the probes of that migration, also those that were never reported. */
  void removeProbes(String migrationUid, @Nullable Guest guest) throws HypervisorException {
    List<String> pools =
        guest == null
            ? probes.pools()
            : guest.disks().stream().flatMap(GuestInspection::probedPools).distinct().toList();
    for (String pool : pools) {
      probes.remove(pool, migrationUid);
    }
  }

  /**
   * Removes the probes of migrations that ended while nobody was here to do it.
   *
   * @param underWay uids of the migrations from this node that have not ended
   */
  void removeLeftProbes(Supplier<Set<String>> underWay) throws HypervisorException {
    probes.removeEnded(underWay);
  }
}
