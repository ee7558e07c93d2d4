package dev.drover.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.faults.Fault;
import dev.drover.testbed.faults.Results;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * A part of {@link FaultMatrix}: each moment and each fault at least once, the long ones only once.
 */
@DroverTestbed
class FaultMatrixIT {

  private static final List<Cell> CELLS =
      List.of(
          new Cell(Moment.PreMigration, Fault.SourceDaemonKilled, Storage.Block),
          new Cell(Moment.Reservation, Fault.TargetDaemonKilled, Storage.Block));

  @Test
  void eachMomentAndEachFaultOccurs() {
    assertThat(CELLS).allMatch(Cell::makesSense);
    assertThat(CELLS.stream().map(Cell::moment).collect(Collectors.toSet()))
        .containsExactlyInAnyOrder(Moment.values());
    assertThat(CELLS.stream().map(Cell::fault).collect(Collectors.toSet()))
        .containsExactlyInAnyOrderElementsOf(Arrays.asList(Fault.values()));
  }

  @TestFactory
  Stream<DynamicTest> cells(Testbed testbed) {
    return FaultMatrix.tests(testbed, CELLS.stream(), new Results());
  }
}
