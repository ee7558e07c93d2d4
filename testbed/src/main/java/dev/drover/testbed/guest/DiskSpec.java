package dev.drover.testbed.guest;

import dev.drover.testbed.storage.StorageServer;

/**
 * A disk of a guest: a volume of a storage pool, a network volume, or a CD-ROM drive.
 *
 * @param pool {@code default}, {@code shared} or {@code tiny}; a network volume's protocol
 * @param format {@code qcow2} or {@code raw}
 * @param volume the volume's name; empty: made from the guest's name and the disk's number
 * @param readOnly the guest can't write to it
 * @param shareable several guests may have it at once; the guest's program leaves it alone
 * @param base path of the image that it is to stand on; empty: none
 */
public record DiskSpec(
    Kind kind,
    String pool,
    String format,
    int sizeMib,
    String volume,
    boolean readOnly,
    boolean shareable,
    String base) {

  /** What the guest sees, and where its bytes are. */
  public enum Kind {
    Disk,
    NetworkDisk,
    Cdrom,
    EmptyCdrom
  }

  /** A qcow2 volume in the host's own pool. */
  public static DiskSpec local(int sizeMib) {
    return new DiskSpec(Kind.Disk, "default", "qcow2", sizeMib, "", false, false, "");
  }

  /** A qcow2 volume in the pool that all hosts share. */
  public static DiskSpec shared(int sizeMib) {
    return local(sizeMib).inPool("shared");
  }

  /** The volume of a {@link StorageServer}. */
  public static DiskSpec network(StorageServer.Protocol protocol) {
    return new DiskSpec(Kind.NetworkDisk, protocol.name(), "raw", 0, "", false, false, "");
  }

  /** A CD-ROM drive with a medium of 1 MiB. */
  public static DiskSpec cdrom(String pool) {
    return new DiskSpec(Kind.Cdrom, pool, "raw", 1, "", true, false, "");
  }

  /** A CD-ROM drive without a medium. */
  public static DiskSpec emptyCdrom() {
    return new DiskSpec(Kind.EmptyCdrom, "", "raw", 0, "", true, false, "");
  }

  public DiskSpec inPool(String name) {
    return new DiskSpec(kind, name, format, sizeMib, volume, readOnly, shareable, base);
  }

  public DiskSpec raw() {
    return new DiskSpec(kind, pool, "raw", sizeMib, volume, readOnly, shareable, base);
  }

  public DiskSpec named(String name) {
    return new DiskSpec(kind, pool, format, sizeMib, name, readOnly, shareable, base);
  }

  public DiskSpec asReadOnly() {
    return new DiskSpec(kind, pool, format, sizeMib, volume, true, shareable, base);
  }

  /** Raw, as libvirt wants it for a disk with several writers. */
  public DiskSpec asShareable() {
    return new DiskSpec(kind, pool, "raw", sizeMib, volume, readOnly, true, base);
  }

  /** An overlay of a qcow2 image that is there already. */
  public DiskSpec over(String path) {
    return new DiskSpec(kind, pool, format, sizeMib, volume, readOnly, shareable, path);
  }

  boolean isVolume() {
    return kind == Kind.Disk || kind == Kind.Cdrom;
  }

  String volumeName(String guest, int number) {
    return volume.isEmpty() ? "%s-%d.%s".formatted(guest, number, format) : volume;
  }

  String path(String guest, int number) {
    String directory =
        switch (pool) {
          case "default" -> "/var/lib/libvirt/images";
          case "shared" -> "/mnt/shared";
          case "tiny" -> "/var/lib/drover-tiny";
          default -> throw new IllegalStateException("no pool \"" + pool + "\" in the testbed");
        };
    return directory + "/" + volumeName(guest, number);
  }
}
