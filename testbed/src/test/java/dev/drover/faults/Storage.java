package dev.drover.faults;

import dev.drover.testbed.faults.Fault;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;

/** Where the disk of the guest is. */
enum Storage {
  /** In the host's own pool: it is copied. */
  Block,
  /** In a pool that both hosts see: it stays. */
  Shared;

  static final int DISK_MIB = 40;

  /** What is on the disk, and so what has to be copied at least. */
  static final int FILLED_MIB = 24;

  static final int MEMORY_MIB = 192;

  /** The guest of a cell: for a disk that becomes full, one in the pool that soon does. */
  GuestSpec guest(Fault fault) {
    return switch (this) {
      case Shared -> spec("shared").withDisk(DiskSpec.shared(DISK_MIB));
      case Block ->
          fault == Fault.TargetDiskFull
              ? spec("tiny").withDisk(DiskSpec.local(DISK_MIB).inPool("tiny"))
              : spec("block").withDisk(DiskSpec.local(DISK_MIB));
    };
  }

  private static GuestSpec spec(String name) {
    return GuestSpec.named("matrix-" + name).withMemoryMib(MEMORY_MIB);
  }
}
