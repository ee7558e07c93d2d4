package dev.drover.node.hypervisor;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A domain as a migration has to know it.
 *
 * @param virtualization {@code kvm} or {@code qemu}
 * @param cpu the {@code <cpu>} element that a target's libvirt has to be able to give it; null if
 *     the definition says none that could be compared (the host's own, passed through)
 * @param networks libvirt's virtual networks that its interfaces are on
 * @param surroundings what it needs of its host besides disks
 * @param blockers what makes it immovable as it is; empty if nothing does
 */
public record GuestDescription(
    DomainState state,
    String architecture,
    String machineType,
    String virtualization,
    @Nullable String cpu,
    List<String> networks,
    List<Disk> disks,
    Surroundings surroundings,
    List<Blocker> blockers) {

  /** Target of the disk that is no disk: the firmware's variables. */
  public static final String NVRAM = "nvram";

  /**
   * A disk of the live definition.
   *
   * @param target {@code vda}
   * @param pool and
   * @param volume of a file that lies in an active pool of this host, after the pool was refreshed
   * @param path of a file or block device; null for network disks and empty drives
   * @param hasBackingFile whether the image stands on another one
   * @param backing the images that it stands on, the nearest first; empty if they are not known
   */
  public record Disk(
      String target,
      Disk.Kind kind,
      @Nullable String pool,
      @Nullable String volume,
      @Nullable String path,
      String format,
      long capacityBytes,
      long allocationBytes,
      boolean readOnly,
      boolean shareable,
      boolean hasBackingFile,
      List<BackingImage> backing) {

    public Disk {
      backing = List.copyOf(backing);
    }

    /** That stands on nothing that is known. */
    public Disk(
        String target,
        Disk.Kind kind,
        @Nullable String pool,
        @Nullable String volume,
        @Nullable String path,
        String format,
        long capacityBytes,
        long allocationBytes,
        boolean readOnly,
        boolean shareable,
        boolean hasBackingFile) {
      this(
          target,
          kind,
          pool,
          volume,
          path,
          format,
          capacityBytes,
          allocationBytes,
          readOnly,
          shareable,
          hasBackingFile,
          List.of());
    }

    /** Where the bytes are. */
    public enum Kind {
      File,
      /** A block device of the host. */
      Block,
      Network,
      Empty,
      /** vhost-user, NVMe, directory, ...: nothing that Drover can move. */
      Other
    }
  }

  /**
   * An image that a disk stands on.
   *
   * @param pool and
   * @param volume of a file that lies in an active pool of this host
   * @param path of a file or block device
   */
  public record BackingImage(
      @Nullable String pool,
      @Nullable String volume,
      @Nullable String path,
      String format,
      long allocationBytes) {}

  /** Something that makes a guest immovable, with what libvirt or its definition says about it. */
  public record Blocker(Blocker.Kind kind, String detail) {

    /** What it is. */
    public enum Kind {
      HostDevice,
      Snapshots,
      SharedFilesystem,
      /** A device or a CPU feature that is tied to its host. */
      HostBound,
      TransientDisk,
      ActiveJob,
      /** Memory that was saved at the last shutdown; of a domain that is to be moved shut off. */
      ManagedSave,
      /** An emulated TPM; of a domain that is to be moved shut off. */
      Tpm,
      /** The firmware's variables lie in no pool; of a domain that is to be moved shut off. */
      NvramOutsidePool
    }
  }
}
