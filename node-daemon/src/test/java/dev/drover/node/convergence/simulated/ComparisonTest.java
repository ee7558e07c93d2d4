package dev.drover.node.convergence.simulated;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Drover against the others. With {@code -Dconvergence.update=true} it also writes the table and
 * the plot of docs/reference/convergence.md, which are compared otherwise.
 */
class ComparisonTest {
  private static final String DROVER = "Drover";

  /** A look is every 200 ms, a second of a transfer of 100 s. */
  private static final double SAME = 1.01;

  private static final Path DOCS = Path.of("../docs/reference");
  private static final List<Comparison.Row> ROWS = new ArrayList<>();

  @BeforeAll
  static void run() {
    ROWS.addAll(Comparison.run(false));
    ROWS.addAll(Comparison.run(true));
  }

  @Test
  void itNeverEndsWithALongerDowntimeThanAllowed() {
    for (var row : ROWS) {
      assertThat(row.of(DROVER).worstDowntime())
          .as(row.guest().name())
          .isLessThanOrEqualTo(Comparison.LIMIT);
    }
  }

  @Test
  void eachGuestThatCanBeMovedIs() {
    for (var row : ROWS) {
      assertThat(row.of(DROVER).moved())
          .as(row.guest().name())
          .isEqualTo(row.guest().converges() || row.autoConverge());
    }
  }

  @Test
  void noneOfTheOthersIsQuickerWithinTheLimit() {
    for (var row : ROWS) {
      var drover = row.of(DROVER);
      for (var other : row.results()) {
        if (other.moved() && drover.moved() && other.withinLimit()) {
          assertThat(drover.seconds())
              .as(
                  "%s, auto-converge %s, %s",
                  row.guest().name(), row.autoConverge(), other.strategy())
              .isLessThanOrEqualTo(other.seconds() * SAME);
        }
      }
    }
  }

  @Test
  void theOneThatCanNotBeMovedIsGivenUpInAFractionOfItsTime() {
    assertThat(ROWS.stream().map(row -> row.of(DROVER)).filter(Comparison.Result::gaveUp))
        .singleElement()
        .satisfies(result -> assertThat(result.seconds()).isLessThan(120));
  }

  /** Giving up early is worth nothing if it hits a guest that would have moved. */
  @Test
  void noGuestThatShrinksIsGivenUp() {
    for (double share = 0.5; share < 0.995; share += 0.03) {
      for (long seed = 1; seed <= 3; seed++) {
        assertThat(Comparison.alone(Comparison.rounds(share), seed).moved())
            .as("%.2f of the link in rounds", share)
            .isTrue();
        double rate = share;
        assertThat(Comparison.alone(Comparison.writing(t -> rate), seed).moved())
            .as("%.2f of the link anywhere", share)
            .isTrue();
      }
    }
  }

  @Test
  void thePageAndThePlotAreOfThisCode() throws IOException {
    var page = DOCS.resolve("convergence.md");
    var plot = DOCS.resolve("convergence.svg");
    var text = Files.readString(page);
    var withTable = Report.withTable(text, ROWS);
    var svg = Report.plot(ROWS);
    if (Boolean.getBoolean("convergence.update")) {
      Files.writeString(page, withTable);
      Files.writeString(plot, svg);
    }
    assertThat(text.equals(withTable) || Boolean.getBoolean("convergence.update"))
        .as("the table is of this code; else run it with -Dconvergence.update=true")
        .isTrue();
    assertThat(plot).content().isEqualTo(svg);
  }
}
