package dev.drover.node.bandwidth;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class PaceTest {
  private static final Instant START = Instant.parse("2026-11-23T12:00:00Z");
  private static final long MIB = 1 << 20;

  private final Pace pace = new Pace();
  private Instant now = START;

  private void send(long bytes, int cap) {
    now = now.plus(pace.after(bytes, OptionalInt.of(cap), now));
  }

  @Test
  void theCapIsHeld() {
    for (int i = 0; i < 400; i++) {
      send(MIB / 4, 10);
    }
    assertThat(Duration.between(START, now))
        .isBetween(Duration.ofMillis(9_800), Duration.ofMillis(10_000));
  }

  @Test
  void anotherCapHoldsFromTheNextPieceOn() {
    send(10 * MIB, 10);
    var changed = now;
    for (int i = 0; i < 40; i++) {
      send(MIB / 4, 1);
    }
    assertThat(Duration.between(changed, now))
        .isBetween(Duration.ofSeconds(9), Duration.ofSeconds(10));
  }

  @Test
  void idleTimeIsNotSaved() {
    send(MIB, 10);
    now = now.plusSeconds(60);
    var afterRest = now;
    for (int i = 0; i < 40; i++) {
      send(MIB / 4, 10);
    }
    assertThat(Duration.between(afterRest, now)).isGreaterThanOrEqualTo(Duration.ofMillis(890));
  }

  @Test
  void withoutACapNobodyWaits() {
    assertThat(pace.after(1L << 40, OptionalInt.empty(), START)).isZero();
  }
}
