package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeartbeatTest {
  private final ManualClock clock = new ManualClock();
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private final List<Instant> renewed = new ArrayList<>();
  private boolean away;
  private Duration duration = Duration.ZERO;

  private final Heartbeat heartbeat =
      new Heartbeat(
          now -> {
            clock.advance(duration);
            if (away) {
              throw RecordedVirtualMachines.away();
            }
            renewed.add(now);
          },
          Duration.ofSeconds(5),
          clock,
          registry);

  @Test
  void keepsItsRhythmHoweverLongARenewalTakes() {
    duration = Duration.ofMillis(1200);

    assertThat(heartbeat.round()).isEqualTo(Duration.ofMillis(3800));
    assertThat(renewed).hasSize(1);
  }

  @Test
  void keepsTryingEverySecond() {
    away = true;
    for (int i = 0; i < 100; i++) {
      assertThat(heartbeat.round()).isEqualTo(Duration.ofSeconds(1));
    }
    away = false;

    assertThat(heartbeat.round()).isEqualTo(Duration.ofSeconds(5));
    assertThat(registry.counter("drover.daemon.lease.failures").count()).isEqualTo(100);
    assertThat(registry.counter("drover.daemon.lease.renewals").count()).isEqualTo(1);
  }
}
