package dev.drover.faults;

import dev.drover.testbed.faults.Fault;
import java.util.Arrays;
import java.util.List;

/** One fault at one moment of a migration. */
record Cell(Moment moment, Fault fault, Storage storage) {

  /** All that make sense, in an order in which guests are booted seldom. */
  static List<Cell> all() {
    return Arrays.stream(Storage.values())
        .flatMap(
            storage ->
                Arrays.stream(Moment.values())
                    .flatMap(
                        moment ->
                            Arrays.stream(Fault.values())
                                .map(fault -> new Cell(moment, fault, storage))))
        .filter(Cell::makesSense)
        .sorted((a, b) -> Boolean.compare(a.fault.killsHost(), b.fault.killsHost()))
        .sorted((a, b) -> a.guestName().compareTo(b.guestName()))
        .toList();
  }

  /**
   * A shared disk is not copied, and on a target that copies nothing no disk is written to; before
   * the transfer, the target has no QEMU of the guest.
   */
  boolean makesSense() {
    if (storage == Storage.Shared && (moment == Moment.DiskCopy || fault == Fault.TargetDiskFull)) {
      return false;
    }
    return fault != Fault.TargetQemuKilled
        || (moment != Moment.PreMigration && moment != Moment.Reservation);
  }

  String guestName() {
    return storage.guest(fault).name();
  }

  /** Its name in results and on the command line. */
  @Override
  public String toString() {
    return moment + "/" + fault + "/" + storage;
  }
}
