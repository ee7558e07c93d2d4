package dev.drover.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.faults.Result;
import dev.drover.testbed.faults.Results;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/**
 * Every fault at every moment, with both kinds of storage. Run it by {@code ./test faults}; what
 * came of it is in docs/reliability.md.
 *
 * <p>It takes from the environment {@value #CELLS}, a regular expression for the names of the cells
 * to run (all), and {@value #RESUME}: those that have a line in the results file are left out.
 */
@Tag("faults")
@DroverTestbed
class FaultMatrix {
  static final String CELLS = "FAULTS_CELLS";
  static final String RESUME = "FAULTS_RESUME";

  @TestFactory
  Stream<DynamicTest> cells(Testbed testbed) {
    var results = new Results();
    var stage = new Stage(testbed);
    return tests(stage, Cell.all().stream().filter(selected(results)), results)
        .onClose(stage::close);
  }

  private static Predicate<Cell> selected(Results results) {
    var pattern = Pattern.compile(System.getenv().getOrDefault(CELLS, ""));
    Set<String> done =
        System.getenv().containsKey(RESUME)
            ? results.all().stream().map(Result::cell).collect(Collectors.toSet())
            : Set.of();
    return cell -> pattern.matcher(cell.toString()).find() && !done.contains(cell.toString());
  }

  /** A test for each cell; all of them share the hosts and, as far as it lives, the guest. */
  static Stream<DynamicTest> tests(Stage stage, Stream<Cell> cells, Results results) {
    return cells.map(
        cell -> DynamicTest.dynamicTest(cell.toString(), () -> run(stage, cell, results)));
  }

  private static void run(Stage stage, Cell cell, Results results) {
    var result = Trial.run(stage, cell);
    results.add(result);
    assertThat(result.violations()).as("%s", result).isEmpty();
  }
}
