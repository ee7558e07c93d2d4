package dev.drover.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.faults.Fault;
import dev.drover.testbed.faults.ResultsTable;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ScheduleTest {

  @Test
  void theSameSeedIsTheSameSchedule() {
    assertThat(Schedule.of(7)).isEqualTo(Schedule.of(7)).isNotEqualTo(Schedule.of(8));
  }

  @Test
  void everyFaultIsDrawnSometimes() {
    var drawn =
        LongStream.range(0, 200)
            .mapToObj(Schedule::of)
            .flatMap(schedule -> schedule.steps().stream())
            .map(Schedule.Step::fault)
            .distinct();
    assertThat(drawn).hasSize(Fault.values().length - 1);
  }

  @Test
  void bothStoragesAreDrawnFromNeighbouringSeeds() {
    assertThat(LongStream.rangeClosed(1, 10).mapToObj(seed -> Schedule.of(seed).storage()))
        .contains(Storage.values());
  }

  @Test
  void whatKillsBothDaemonsIsTold() {
    assertThat(Schedule.of(208).killsBothDaemons()).isTrue();
    assertThat(Schedule.of(200).killsBothDaemons()).isFalse();
  }

  @Test
  void everyCellHasAnExpectation() {
    assertThat(Cell.all())
        .allSatisfy(cell -> assertThat(Expectation.of(cell.moment(), cell.fault())).isNotEmpty());
  }

  @Test
  void theTableHasTheMoments() {
    assertThat(ResultsTable.MOMENTS)
        .isEqualTo(Arrays.stream(Moment.values()).map(Moment::name).toList());
  }
}
