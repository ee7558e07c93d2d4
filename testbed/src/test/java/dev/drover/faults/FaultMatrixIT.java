package dev.drover.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.faults.Fault;
import dev.drover.testbed.faults.Results;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * A part of {@link FaultMatrix} that fits into {@code ./test}: each moment and each fault; and some
 * migrations with several faults each.
 */
@DroverTestbed
class FaultMatrixIT {

  /** By guest: another one has to be booted. */
  private static final List<Cell> CELLS =
      List.of(
          new Cell(Moment.PreMigration, Fault.SourceDaemonKilled, Storage.Block),
          new Cell(Moment.Reservation, Fault.TargetDaemonKilled, Storage.Block),
          new Cell(Moment.DiskCopy, Fault.SourceLibvirtdKilled, Storage.Block),
          new Cell(Moment.RamCopy, Fault.TargetLibvirtdKilled, Storage.Block),
          new Cell(Moment.Switchover, Fault.OperatorKilled, Storage.Block),
          new Cell(Moment.HandOver, Fault.BothDaemonsKilled, Storage.Block),
          new Cell(Moment.Commitment, Fault.EtcdDown30s, Storage.Block),
          new Cell(Moment.PostCopy, Fault.DataCut3s, Storage.Block),
          new Cell(Moment.RamCopy, Fault.TargetQemuKilled, Storage.Block),
          new Cell(Moment.DiskCopy, Fault.TargetDiskFull, Storage.Block),
          new Cell(Moment.Switchover, Fault.SourceDaemonKilled, Storage.Shared),
          new Cell(Moment.Switchover, Fault.TargetDaemonKilled, Storage.Shared),
          new Cell(Moment.PostCopy, Fault.OperatorKilled, Storage.Shared),
          new Cell(Moment.PostCopy, Fault.SourceDaemonKilled, Storage.Shared),
          new Cell(Moment.PostCopy, Fault.TargetDaemonKilled, Storage.Shared),
          new Cell(Moment.HandOver, Fault.ControlCut3s, Storage.Shared),
          new Cell(Moment.Switchover, Fault.LinkCut3s, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.ApiServerDown30s, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.TargetLibvirtdStopped40s, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.SourceClockStepped, Storage.Shared),
          new Cell(Moment.Switchover, Fault.TargetClockStepped, Storage.Shared),
          new Cell(Moment.Reservation, Fault.ControlCut60s, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.LinkCut60s, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.DataCut60s, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.SourceQemuKilled, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.TargetHostDead, Storage.Shared),
          new Cell(Moment.RamCopy, Fault.SourceHostDead, Storage.Shared));

  @Test
  void eachMomentAndEachFaultOccurs() {
    assertThat(CELLS).allMatch(Cell::makesSense);
    assertThat(CELLS.stream().map(Cell::moment).collect(Collectors.toSet()))
        .containsExactlyInAnyOrder(Moment.values());
    assertThat(CELLS.stream().map(Cell::fault).collect(Collectors.toSet()))
        .containsExactlyInAnyOrder(Fault.values());
  }

  /** The schedules are always the same ones. */
  @TestFactory
  Stream<DynamicTest> cellsAndSchedules(Testbed testbed) {
    var stage = new Stage(testbed);
    var results = new Results();
    return Stream.concat(
            FaultMatrix.tests(stage, CELLS.stream(), results),
            RandomFaults.tests(stage, LongStream.rangeClosed(1, 4), results))
        .onClose(stage::close);
  }
}
