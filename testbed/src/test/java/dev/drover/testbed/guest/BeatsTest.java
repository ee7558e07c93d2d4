package dev.drover.testbed.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BeatsTest {

  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  private final List<Beat> beats = new ArrayList<>();

  @Test
  void theLongestSilenceIsBetweenTheBeatsFurthestApart() {
    beat(0, "n1", 1);
    beat(10, "n1", 2);
    beat(260, "n2", 3);
    beat(270, "n2", 4);

    var silence = new Beats(beats).longestSilence(START, at(280));

    assertThat(silence).isEqualTo(new Beats.Silence(at(10), Duration.ofMillis(250), "n1", "n2"));
  }

  @Test
  void silenceThatLastsCounts() {
    beat(0, "n1", 1);
    beat(10, "n1", 2);

    var silence = new Beats(beats).longestSilence(START, at(5010));

    assertThat(silence).isEqualTo(new Beats.Silence(at(10), Duration.ofSeconds(5), "n1", ""));
  }

  @Test
  void silenceBeforeTheGivenInstantDoesNotCount() {
    beat(0, "n1", 1);
    beat(900, "n1", 2);
    beat(910, "n1", 3);

    assertThat(new Beats(beats).longestSilence(at(850), at(920)).length())
        .isEqualTo(Duration.ofMillis(50));
  }

  @Test
  void aGuestThatWasNeverHeardIsSilentThroughout() {
    assertThat(new Beats(beats).longestSilence(START, at(300)).length())
        .isEqualTo(Duration.ofMillis(300));
  }

  @Test
  void aGuestThatMovesThereAndBackIsOneCopy() {
    for (int sequence = 1; sequence <= 90; sequence++) {
      beat(sequence * 10, sequence > 30 && sequence <= 60 ? "n2" : "n1", sequence);
    }

    var all = new Beats(beats);

    assertThat(all.showTwoCopies()).isFalse();
    assertThat(all.fromSecondCopy()).isEmpty();
    assertThat(all.hosts()).containsExactly("n1", "n2");
  }

  @Test
  void twoCopiesCountOnFromTheSameNumber() {
    for (int sequence = 1; sequence <= 20; sequence++) {
      beat(sequence * 10, "n1", sequence);
    }
    for (int sequence = 21; sequence <= 40; sequence++) {
      beat(sequence * 10, "n1", sequence);
      beat(sequence * 10 + 1, "n2", sequence);
    }

    assertThat(new Beats(beats).showTwoCopies()).isTrue();
  }

  @Test
  void aSourceThatGoesOnAfterItsTargetRanIsASecondCopy() {
    beat(0, "n1", 1);
    for (int sequence = 2; sequence <= 10; sequence++) {
      beat(sequence * 10, "n2", sequence);
    }
    for (int sequence = 2; sequence <= 10; sequence++) {
      beat(1000 + sequence * 10, "n1", sequence);
    }

    assertThat(new Beats(beats).fromSecondCopy()).hasSize(9);
  }

  @Test
  void oneBeatThatIsSentAgainByTheTargetIsNoSecondCopy() {
    beat(0, "n1", 1);
    beat(10, "n1", 2);
    beat(100, "n2", 2);
    beat(110, "n2", 3);

    assertThat(new Beats(beats).showTwoCopies()).isFalse();
  }

  private void beat(long milliseconds, String host, long sequence) {
    beats.add(new Beat(at(milliseconds), host, sequence, milliseconds));
  }

  private static Instant at(long milliseconds) {
    return START.plusMillis(milliseconds);
  }
}
