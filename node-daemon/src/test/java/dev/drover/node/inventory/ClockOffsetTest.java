package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.inventory.ClockOffset.Estimate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class ClockOffsetTest {
  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  /** By the server's clock at that moment; both ways take as long. */
  private static void look(ClockOffset offset, Instant server, long ahead, long tookMilliseconds) {
    Instant here = server.plusMillis(ahead);
    offset.saw(
        here.minusMillis(tookMilliseconds / 2),
        here.plusMillis(tookMilliseconds - tookMilliseconds / 2),
        server.truncatedTo(ChronoUnit.SECONDS));
  }

  @Example
  void nothingIsKnownBeforeTheFirstLook() {
    assertThat(new ClockOffset().estimate()).isEmpty();
  }

  @Property(tries = 300)
  void theTruthIsAlwaysWithinTheBounds(
      @ForAll @IntRange(min = -100_000, max = 100_000) int ahead,
      @ForAll @Size(min = 1, max = 30) List<@IntRange(min = 0, max = 600_000) Integer> pauses,
      @ForAll @IntRange(min = 0, max = 400) int took) {
    var offset = new ClockOffset();
    var server = NOON;
    for (int pause : pauses) {
      server = server.plusMillis(pause);
      look(offset, server, ahead, took);
      Estimate estimate = offset.estimate().orElseThrow();
      assertThat(Math.abs(estimate.milliseconds() - ahead))
          .isLessThanOrEqualTo(estimate.within() + 1);
      assertThat(estimate.within()).isLessThanOrEqualTo(701);
    }
  }

  @Example
  void looksAtDifferentMomentsOfASecondNarrowItDown() {
    var offset = new ClockOffset();
    for (int i = 0; i < 8; i++) {
      look(offset, NOON.plusMillis(1_370L * i), 250, 10);
    }
    Estimate estimate = offset.estimate().orElseThrow();
    assertThat(estimate.within()).isLessThan(150);
    assertThat(estimate.milliseconds()).isBetween(250L - 150, 250L + 150);
  }

  @Example
  void aClockThatWasSetIsFollowed() {
    var offset = new ClockOffset();
    look(offset, NOON, 0, 10);
    look(offset, NOON.plusSeconds(60), 30_000, 10);
    assertThat(offset.estimate().orElseThrow().milliseconds()).isBetween(29_000L, 31_000L);
  }

  @Example
  void aSlowAnswerAndOneFromBeforeTheQuestionSayNothing() {
    var offset = new ClockOffset();
    offset.saw(NOON, NOON.plus(Duration.ofSeconds(2)), NOON);
    offset.saw(NOON.plusSeconds(5), NOON, NOON);
    assertThat(offset.estimate()).isEmpty();
  }
}
