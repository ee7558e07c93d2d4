package dev.drover.node.convergence;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class HistoryTest {
  private static Sample look(int number, int iteration) {
    return new Sample(
        Duration.ofMillis(200L * number), iteration, 100, 50, 10, 5, Duration.ofMillis(70), 0);
  }

  @Test
  void theRecentLooksAreAllThereAndTheNewestIsLast() {
    var history = new History();
    for (int i = 0; i < History.RECENT; i++) {
      history.add(look(i, 1));
    }
    assertThat(history.samples()).hasSize(History.RECENT);
    assertThat(history.samples().getLast()).isEqualTo(look(History.RECENT - 1, 1));
  }

  @Test
  void ofWhatCameBeforeTheFirstLookOfEachIterationStays() {
    var history = new History();
    for (int i = 0; i < History.RECENT + 100; i++) {
      history.add(look(i, i / 10));
    }
    assertThat(history.samples()).hasSize(History.RECENT + 10);
    assertThat(Pass.repeated(history.samples()))
        .extracting(Pass::iteration)
        .startsWith(2, 3, 4)
        .doesNotHaveDuplicates();
  }

  @Test
  void itDoesNotGrowForEver() {
    var history = new History();
    for (int i = 0; i < 100_000; i++) {
      history.add(look(i, i));
    }
    assertThat(history.samples()).hasSizeLessThanOrEqualTo(History.RECENT + History.OLDER);
    assertThat(history.samples().getFirst()).isEqualTo(look(0, 0));
    assertThat(history.samples()).isSortedAccordingTo((a, b) -> a.elapsed().compareTo(b.elapsed()));
  }
}
