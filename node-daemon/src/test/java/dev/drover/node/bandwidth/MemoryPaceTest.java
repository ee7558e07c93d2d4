package dev.drover.node.bandwidth;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against a QEMU that sends so much more than it was asked for. */
class MemoryPaceTest {
  private static final long MEBIBYTE = 1 << 20;

  private Instant now = Instant.EPOCH;
  private long bytes;

  /** What goes over in each of the next seconds, looked at five times a second. */
  private int second(MemoryPace pace, int share, double excess) {
    int sent = 0;
    for (int look = 0; look < 5; look++) {
      int asked = pace.ask(share);
      double rate = asked + excess;
      now = now.plusMillis(200);
      bytes += (long) (rate * MEBIBYTE / 5);
      pace.saw(bytes, now);
      sent = (int) Math.round(rate);
    }
    return sent;
  }

  @ParameterizedTest
  @CsvSource({
    // connections, cap, what QEMU sends above it
    "2, 24, 10",
    "2, 200, 9",
    "4, 48, 18",
    "4, 100, 12",
    "8, 96, 36",
    "8, 400, 0",
    "16, 192, 80"
  })
  void theShareIsKeptFromTheFirstSecondOn(int connections, int cap, double excess) {
    var pace = new MemoryPace(connections, false);
    for (int second = 0; second < 60; second++) {
      assertThat(second(pace, cap, excess)).isLessThanOrEqualTo(cap);
    }
    assertThat(second(pace, cap, excess)).as("and used").isGreaterThanOrEqualTo(cap - 1);
  }

  @Test
  void anExcessThatComesLaterIsSeen() {
    var pace = new MemoryPace(4, false);
    for (int second = 0; second < 30; second++) {
      second(pace, 100, 1);
    }
    second(pace, 100, 18);
    second(pace, 100, 18);
    assertThat(second(pace, 100, 18)).isLessThanOrEqualTo(100);
  }

  @Test
  void aGuestThatHasLittleToSendTeachesNothing() {
    var pace = new MemoryPace(4, false);
    assertThat(pace.ask(100)).isEqualTo(80);
    for (int second = 0; second < 30; second++) {
      now = now.plusSeconds(1);
      bytes += MEBIBYTE;
      pace.saw(bytes, now);
      assertThat(pace.ask(100)).isEqualTo(80);
    }
  }

  @Test
  void oneStreamIsAskedForItsShare() {
    assertThat(new MemoryPace(1, true).ask(7)).isEqualTo(7);
    assertThat(new MemoryPace(4, true).ask(7)).isEqualTo(7);
  }

  @Test
  void nothingIsNoCap() {
    assertThat(new MemoryPace(8, false).ask(3)).isEqualTo(1);
  }
}
