package dev.drover.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.faults.Results;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/**
 * Migrations with several faults each, drawn from seeds that are printed. Run it by {@code ./test
 * faults --schedules N [--seed S]}.
 */
@Tag("faults")
@DroverTestbed
class RandomFaults {
  private static final String SCHEDULES = "FAULTS_SCHEDULES";
  private static final String SEED = "FAULTS_SEED";

  @TestFactory
  Stream<DynamicTest> schedules(Testbed testbed) {
    long count = Long.parseLong(System.getenv().getOrDefault(SCHEDULES, "10"));
    String given = System.getenv().get(SEED);
    long first = given == null ? new Random().nextInt(1_000_000) : Long.parseLong(given);
    System.out.printf("faults: %d schedules, seeds from %d%n", count, first);
    var stage = new Stage(testbed);
    return tests(stage, LongStream.range(first, first + count), new Results())
        .onClose(stage::close);
  }

  /** A test for each seed. */
  static Stream<DynamicTest> tests(Stage stage, LongStream seeds, Results results) {
    return seeds
        .mapToObj(Schedule::of)
        .map(
            schedule ->
                DynamicTest.dynamicTest(
                    "seed " + schedule.seed(), () -> run(stage, schedule, results)));
  }

  private static void run(Stage stage, Schedule schedule, Results results) {
    System.out.println("faults: " + schedule);
    var result = Trial.run(stage, schedule);
    results.add(result);
    assertThat(result.violations()).as("%s%n%s", schedule, result).isEmpty();
  }
}
