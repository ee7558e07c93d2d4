package dev.drover.testbed.observer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.process.ProcessMark;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TimelineTest {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private static final Copy A = new Copy("web", "n1", new ProcessMark(10, 1));
  private static final Copy B = new Copy("web", "n2", new ProcessMark(20, 2));
  private static final Copy C = new Copy("web", "n1", new ProcessMark(30, 3));
  private static final Copy OTHER = new Copy("mail", "n2", new ProcessMark(40, 4));

  /** One look of 25 ms for each word; its letters are the copies that ran. */
  private static Timeline timeline(String words) {
    List<Look> looks = new ArrayList<>();
    Instant at = START;
    for (String word : words.split(" ")) {
      Set<Copy> ran = new HashSet<>();
      for (char letter : word.toCharArray()) {
        switch (letter) {
          case 'A' -> ran.add(A);
          case 'B' -> ran.add(B);
          case 'C' -> ran.add(C);
          case 'o' -> ran.add(OTHER);
          default -> {}
        }
      }
      looks.add(new Look(at, at.plusMillis(25), ran));
      at = at.plusMillis(25);
    }
    return new Timeline("web", looks);
  }

  @Test
  void aHandOverIsOneCopy() {
    assertThat(timeline("A A A - - B B B").twoCopies()).isEmpty();
    assertThat(timeline("A A A - - B B B").mostCopies()).isEqualTo(1);
    assertThat(timeline("- -").mostCopies()).isZero();
  }

  @Test
  void aHandOverWithinOneLookIsOneCopy() {
    assertThat(timeline("A A AB B B").twoCopies()).isEmpty();
  }

  @Test
  void thereAndBackIsOneCopyAfterTheOther() {
    assertThat(timeline("A A A - B B B - C C C").twoCopies()).isEmpty();
  }

  @Test
  void twoAtTheSameTimeAreTwo() {
    var two = timeline("A A AB AB AB A A").twoCopies();
    assertThat(two).hasSize(1);
    assertThat(two.getFirst().together()).isEqualTo(Duration.ofMillis(75));
    assertThat(two.getFirst().from()).isEqualTo(START.plusMillis(50));
    assertThat(two.getFirst().to()).isEqualTo(START.plusMillis(125));
  }

  @Test
  void twoThatTakeTurnsAreTwo() {
    assertThat(timeline("A A A - B B B - A A A").twoCopies()).hasSize(1);
    assertThat(timeline("A A A B B B A A A").mostCopies()).isEqualTo(2);
  }

  @Test
  void anotherGuestDoesNotCount() {
    assertThat(timeline("A Ao Ao Ao A").twoCopies()).isEmpty();
  }

  @Test
  void aBlipIsNoCopy() {
    assertThat(timeline("A A AB AB A A").twoCopies()).isEmpty();
    assertThat(timeline("A A AB AB A A").mostCopies()).isEqualTo(1);
    assertThat(timeline("A A AB A AB A").intervals()).hasSize(1);
  }

  @Test
  void intervals() {
    var intervals = timeline("A A A - - B B B").intervals();
    assertThat(intervals.stream().map(Timeline.Interval::copies)).containsExactly(1L, 0L, 1L);
    assertThat(timeline("A A A - - B B B").longestStandstill()).isEqualTo(Duration.ofMillis(50));
  }
}
