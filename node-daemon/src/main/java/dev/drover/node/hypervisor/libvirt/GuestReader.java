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

/** Reads what a migration has to know of an active domain. */
final class GuestReader {
  private GuestReader() {}

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
      List<Blocker> blockers = new ArrayList<>(xml.blockers());
      int snapshots = domain.snapshots();
      if (snapshots > 0) {
        blockers.add(new Blocker(Blocker.Kind.Snapshots, Integer.toString(snapshots)));
      }
      jobOf(domain)
          .ifPresent(operation -> blockers.add(new Blocker(Blocker.Kind.ActiveJob, operation)));
      List<Disk> disks = new ArrayList<>();
      for (DiskXml disk : xml.disks()) {
        disks.add(disk(link, domain, disk));
      }
      return new GuestDescription(
          state,
          xml.architecture(),
          xml.machineType(),
          xml.virtualization(),
          domain.cpu().orElse(null),
          xml.networks(),
          List.copyOf(disks),
          new Surroundings(
              domain.autostart(),
              xml.surroundings().cpus(),
              xml.surroundings().numaNodes(),
              xml.surroundings().bridges()),
          List.copyOf(blockers));
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
      return of(disk, Disk.Kind.Empty, Optional.empty(), 0, 0, List.of());
    }
    Optional<VolumeXml> volume = volume(link, disk);
    Disk.Kind kind =
        switch (disk.type()) {
          case "file" -> Disk.Kind.File;
          case "block" -> Disk.Kind.Block;
          case "network" -> Disk.Kind.Network;
          case "volume" ->
              volume
                  .map(found -> found.block() ? Disk.Kind.Block : Disk.Kind.File)
                  .orElse(Disk.Kind.Other);
          default -> Disk.Kind.Other;
        };
    DomainHandle.BlockInfo info = domain.blockInfo(disk.target());
    List<BackingImage> backing = new ArrayList<>();
    for (BackingXml image : disk.backing()) {
      backing.add(backing(link, image));
    }
    return of(disk, kind, volume, info.capacity(), info.allocation(), backing);
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
      long capacity,
      long allocation,
      List<BackingImage> backing) {
    return new Disk(
        disk.target(),
        kind,
        volume.map(found -> found.state().pool()).orElse(disk.pool()),
        volume.map(found -> found.state().name()).orElse(disk.volume()),
        volume.map(found -> found.state().path()).orElse(disk.path()),
        disk.format(),
        capacity,
        allocation,
        disk.readOnly(),
        disk.shareable(),
        disk.backingFile().orElse(volume.map(VolumeXml::hasBackingFile).orElse(false)),
        backing);
  }
}
