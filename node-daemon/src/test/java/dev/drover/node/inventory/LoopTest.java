package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LoopTest {
  private static final Duration FOREVER = Duration.ofHours(1);

  @Test
  void aWakeUpDuringARoundMakesOneMore() throws InterruptedException {
    var rounds = new AtomicInteger();
    var inFirst = new CountDownLatch(1);
    var goOn = new CountDownLatch(1);
    try (var loop =
        Loop.of(
            "test",
            _ -> {
              if (rounds.incrementAndGet() == 1) {
                inFirst.countDown();
                assertThat(goOn.await(5, TimeUnit.SECONDS)).isTrue();
              }
              return FOREVER;
            })) {
      loop.start();
      assertThat(inFirst.await(5, TimeUnit.SECONDS)).isTrue();
      loop.wake();
      loop.wake();
      goOn.countDown();

      await().untilAsserted(() -> assertThat(rounds).hasValue(2));
      await().during(Duration.ofMillis(200)).untilAsserted(() -> assertThat(rounds).hasValue(2));
    }
  }

  @Test
  void runsAgainWhenItHasAskedFor() {
    var rounds = new AtomicInteger();
    try (var loop =
        Loop.of(
            "test",
            _ -> {
              rounds.incrementAndGet();
              return Duration.ofMillis(5);
            })) {
      loop.start();
      await().untilAsserted(() -> assertThat(rounds.get()).isGreaterThan(3));
    }
  }

  @Test
  void closingEndsARoundThatHangs() throws InterruptedException {
    var begun = new CountDownLatch(1);
    var ended = new CountDownLatch(1);
    var loop =
        Loop.of(
            "test",
            _ -> {
              begun.countDown();
              try {
                new CountDownLatch(1).await();
              } finally {
                ended.countDown();
              }
              return FOREVER;
            });
    loop.start();
    assertThat(begun.await(5, TimeUnit.SECONDS)).isTrue();

    loop.close();

    await().untilAsserted(() -> assertThat(ended.getCount()).isZero());
  }
}
