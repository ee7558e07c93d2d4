package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class SteadyClockTest {
  private static final Instant NOON = Instant.parse("2026-11-28T12:00:00Z");

  private Instant host = NOON;
  private long nanos = Long.MAX_VALUE - 1_000_000_000; // it may overflow
  private final SteadyClock clock = new SteadyClock(() -> host, () -> nanos);

  private void pass(Duration time) {
    host = host.plus(time);
    nanos += time.toNanos();
  }

  @Test
  void aStepIsNotFollowedWhileSomethingIsTimed() {
    clock.followHostWhile(() -> false);
    host = host.plus(Duration.ofHours(1));
    pass(Duration.ofSeconds(2));
    assertThat(clock.instant()).isEqualTo(NOON.plusSeconds(2));
    host = host.minus(Duration.ofHours(2));
    pass(Duration.ofSeconds(2));
    assertThat(clock.instant()).isEqualTo(NOON.plusSeconds(4));
  }

  @Test
  void aStepIsFollowedOnceNothingIsTimedAndTheTimeGoesOnFromThere() {
    boolean[] idle = {false};
    clock.followHostWhile(() -> idle[0]);
    host = host.plus(Duration.ofHours(1));
    assertThat(clock.instant()).isEqualTo(NOON);
    idle[0] = true;
    assertThat(clock.instant()).isEqualTo(NOON.plus(Duration.ofHours(1)));
    idle[0] = false;
    pass(Duration.ofSeconds(3));
    assertThat(clock.instant()).isEqualTo(NOON.plus(Duration.ofHours(1)).plusSeconds(3));
  }

  @Test
  void whatTheTwoClocksDifferByAnywayIsNoStep() {
    host = host.plusMillis(90);
    assertThat(clock.instant()).isEqualTo(NOON);
  }
}
