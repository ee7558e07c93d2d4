package dev.drover.testbed.guest;

/**
 * A disk of a guest, as a volume of a storage pool.
 *
 * @param pool {@code default}, {@code shared} or {@code tiny}
 * @param format {@code qcow2} or {@code raw}
 * @param volume the volume's name; empty: made from the guest's name and the disk's number
 * @param readOnly the guest can't write to it
 * @param shareable several guests may have it at once; the guest's program leaves it alone
 */
public record DiskSpec(
    String pool, String format, int sizeMib, String volume, boolean readOnly, boolean shareable) {

  /** A qcow2 volume in the host's own pool. */
  public static DiskSpec local(int sizeMib) {
    return new DiskSpec("default", "qcow2", sizeMib, "", false, false);
  }

  /** A qcow2 volume in the pool that all hosts share. */
  public static DiskSpec shared(int sizeMib) {
    return local(sizeMib).inPool("shared");
  }

  public DiskSpec inPool(String name) {
    return new DiskSpec(name, format, sizeMib, volume, readOnly, shareable);
  }

  public DiskSpec raw() {
    return new DiskSpec(pool, "raw", sizeMib, volume, readOnly, shareable);
  }

  public DiskSpec named(String name) {
    return new DiskSpec(pool, format, sizeMib, name, readOnly, shareable);
  }

  public DiskSpec asReadOnly() {
    return new DiskSpec(pool, format, sizeMib, volume, true, shareable);
  }

  /** Raw, as libvirt wants it for a disk with several writers. */
  public DiskSpec asShareable() {
    return new DiskSpec(pool, "raw", sizeMib, volume, readOnly, true);
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
