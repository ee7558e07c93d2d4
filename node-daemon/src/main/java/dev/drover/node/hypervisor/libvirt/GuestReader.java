package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.GuestDescription.BackingImage;
import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.GuestDescription.Disk;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.Surroundings;
import dev.drover.node.hypervisor.VolumeState;
import dev.drover.node.hypervisor.libvirt.DomainXml.BackingXml;
import dev.drover.node.hypervisor.libvirt.DomainXml.DiskXml;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Reads what a migration has to know of a domain. */
final class GuestReader {
  private GuestReader() {}

  /** An active domain as it is now. */
  static GuestDescription describe(Link link, UUID uuid) throws HypervisorException {
    try (DomainHandle domain = DomainHandle.get(link, uuid)) {
      DomainXml xml = domain.xml();
      DomainState state = Domains.state(uuid, domain, xml);
      if (!domain.isActive()) {
        throw new HypervisorException(
            Kind.Conflict,
            LibvirtErrors.OPERATION_INVALID,
            "guest " + state.name() + " is not running");
      }
      List<Blocker> blockers = blockers(domain, xml);
      jobOf(domain)
          .ifPresent(operation -> blockers.add(new Blocker(Blocker.Kind.ActiveJob, operation)));
      List<Disk> disks = new ArrayList<>();
      for (DiskXml disk : xml.disks()) {
        disks.add(disk(link, domain, disk));
      }
      return description(state, domain, xml, domain.cpu(), disks, blockers);
    }
  }

  /** The persistent definition, active or not; disks are files as they lie there. */
  static GuestDescription describeShutOff(Link link, UUID uuid) throws HypervisorException {
    try (DomainHandle domain = DomainHandle.get(link, uuid)) {
      if (!domain.isPersistent()) {
        throw new HypervisorException(
            Kind.Conflict, LibvirtErrors.OPERATION_INVALID, "guest " + uuid + " is transient");
      }
      String text = domain.definition(LibvirtNative.XML_INACTIVE);
      DomainXml xml;
      OfflineXml offline;
      try {
        xml = DomainXml.read(text);
        offline = OfflineXml.read(text);
      } catch (IllegalArgumentException e) {
        throw new HypervisorException(
            Kind.Other, "the definition of " + uuid + " can't be read: " + e.getMessage(), e);
      }
      List<Blocker> blockers = blockers(domain, xml);
      if (domain.hasManagedSave()) {
        blockers.add(new Blocker(Blocker.Kind.ManagedSave, "saved memory"));
      }
      if (offline.tpm()) {
        blockers.add(new Blocker(Blocker.Kind.Tpm, "emulated TPM"));
      }
      List<Disk> disks = new ArrayList<>();
      for (DiskXml disk : xml.disks()) {
        disks.add(file(link, disk));
      }
      if (offline.nvram().isPresent()) {
        nvram(link, offline.nvram().get(), disks, blockers);
      }
      return description(
          Domains.state(uuid, domain, xml), domain, xml, offline.cpu(), disks, blockers);
    }
  }

  private static List<Blocker> blockers(DomainHandle domain, DomainXml xml)
      throws HypervisorException {
    List<Blocker> blockers = new ArrayList<>(xml.blockers());
    int snapshots = domain.snapshots();
    if (snapshots > 0) {
      blockers.add(new Blocker(Blocker.Kind.Snapshots, Integer.toString(snapshots)));
    }
    return blockers;
  }

  private static GuestDescription description(
      DomainState state,
      DomainHandle domain,
      DomainXml xml,
      Optional<String> cpu,
      List<Disk> disks,
      List<Blocker> blockers)
      throws HypervisorException {
    return new GuestDescription(
        state,
        xml.architecture(),
        xml.machineType(),
        xml.virtualization(),
        cpu.orElse(null),
        xml.networks(),
        List.copyOf(disks),
        new Surroundings(
            domain.autostart(),
            xml.surroundings().cpus(),
            xml.surroundings().numaNodes(),
            xml.surroundings().bridges(),
            xml.hugePages()),
        List.copyOf(blockers));
  }

  private static Disk file(Link link, DiskXml disk) throws HypervisorException {
    if (!disk.hasSource()) {
      return of(disk, Disk.Kind.Empty, Optional.empty(), disk.format(), 0, 0, List.of());
    }
    Optional<VolumeXml> volume = volume(link, disk);
    Disk.Kind kind = kind(disk, volume);
    return of(
        disk,
        kind,
        volume,
        kind == Disk.Kind.File ? "raw" : disk.format(),
        volume.map(VolumeXml::fileBytes).orElse(0L),
        volume.map(found -> found.state().allocationBytes()).orElse(0L),
        List.of());
  }

  /** A guest that was never started has none yet; it is made at the start. */
  private static void nvram(Link link, String path, List<Disk> disks, List<Blocker> blockers)
      throws HypervisorException {
    Optional<VolumeXml> volume = Storage.volumeAt(link, path);
    if (volume.isPresent()) {
      disks.add(
          new Disk(
              GuestDescription.NVRAM,
              Disk.Kind.File,
              volume.get().state().pool(),
              volume.get().state().name(),
              volume.get().state().path(),
              "raw",
              volume.get().fileBytes(),
              volume.get().state().allocationBytes(),
              false,
              false,
              false));
    } else if (Storage.poolOf(link, path).isEmpty()) {
      blockers.add(new Blocker(Blocker.Kind.NvramOutsidePool, path));
    }
  }

  /** virDomainGetJobStats; the domain of an incoming transfer refuses, and has a job. */
  static Optional<String> jobOf(DomainHandle domain) throws HypervisorException {
    try {
      return domain.job(0).map(job -> job.operation().name());
    } catch (HypervisorException e) {
      if (e.code() == LibvirtErrors.OPERATION_UNSUPPORTED) {
        return Optional.of("MigrationIn");
      }
      throw e;
    }
  }

  private static Disk disk(Link link, DomainHandle domain, DiskXml disk)
      throws HypervisorException {
    if (!disk.hasSource()) {
      return of(disk, Disk.Kind.Empty, Optional.empty(), disk.format(), 0, 0, List.of());
    }
    Optional<VolumeXml> volume = volume(link, disk);
    Disk.Kind kind = kind(disk, volume);
    DomainHandle.BlockInfo info = domain.blockInfo(disk.target());
    List<BackingImage> backing = new ArrayList<>();
    for (BackingXml image : disk.backing()) {
      backing.add(backing(link, image));
    }
    return of(disk, kind, volume, disk.format(), info.capacity(), info.allocation(), backing);
  }

  private static Disk.Kind kind(DiskXml disk, Optional<VolumeXml> volume) {
    return switch (disk.type()) {
      case "file" -> Disk.Kind.File;
      case "block" -> Disk.Kind.Block;
      case "network" -> Disk.Kind.Network;
      case "volume" ->
          volume
              .map(found -> found.block() ? Disk.Kind.Block : Disk.Kind.File)
              .orElse(Disk.Kind.Other);
      default -> Disk.Kind.Other;
    };
  }

  private static BackingImage backing(Link link, BackingXml image) throws HypervisorException {
    Optional<VolumeState> volume =
        image.type().equals("file") && image.path() != null
            ? Storage.volumeAt(link, image.path()).map(VolumeXml::state)
            : Optional.empty();
    return new BackingImage(
        volume.map(VolumeState::pool).orElse(null),
        volume.map(VolumeState::name).orElse(null),
        image.path(),
        image.format(),
        volume.map(VolumeState::allocationBytes).orElse(0L));
  }

  private static Optional<VolumeXml> volume(Link link, DiskXml disk) throws HypervisorException {
    if (disk.pool() != null && disk.volume() != null) {
      return Storage.volume(link, disk.pool(), disk.volume());
    }
    return disk.path() == null ? Optional.empty() : Storage.volumeAt(link, disk.path());
  }

  private static Disk of(
      DiskXml disk,
      Disk.Kind kind,
      Optional<VolumeXml> volume,
      String format,
      long capacity,
      long allocation,
      List<BackingImage> backing) {
    return new Disk(
        disk.target(),
        kind,
        volume.map(found -> found.state().pool()).orElse(disk.pool()),
        volume.map(found -> found.state().name()).orElse(disk.volume()),
        volume.map(found -> found.state().path()).orElse(disk.path()),
        format,
        capacity,
        allocation,
        disk.readOnly(),
        disk.shareable(),
        disk.backingFile().orElse(volume.map(VolumeXml::hasBackingFile).orElse(false)),
        backing);
  }
}
