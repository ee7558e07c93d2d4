package dev.drover.node.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.node.report.ReportQueue.Urgency;
import dev.drover.node.report.StatusApplier.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReportQueueTest {
  private static final MigrationRef REF = new MigrationRef("default", "web", "uid-1");

  private final ScheduledExecutorService executor = Executors.newScheduledThreadPool(2);
  private final List<String> written = Collections.synchronizedList(new ArrayList<>());
  private final InstantSource clock = InstantSource.system();

  @AfterEach
  void stop() {
    executor.shutdownNow();
  }

  /** The words are told apart by a field that is free here. */
  private static LiveMigrationStatus word(String text) {
    return LiveMigrationStatus.builder().domainUuid(text).build();
  }

  private ReportQueue queue(StatusApplier applier) {
    return new ReportQueue("drover-source", applier, executor, clock);
  }

  private Outcome record(LiveMigrationStatus status) {
    written.add(status.domainUuid());
    return Outcome.Written;
  }

  @Test
  void anUrgentWordIsWrittenAtOnce() throws Exception {
    var queue = queue((ref, manager, status) -> record(status));
    var outcome = queue.say(REF, word("a"), Urgency.Now).get(5, TimeUnit.SECONDS);
    assertThat(outcome).isEqualTo(Outcome.Written);
    assertThat(written).containsExactly("a");
    assertThat(queue.newest("uid-1")).contains(word("a"));
  }

  @Test
  void whatWasOvertakenIsNeverWritten() throws Exception {
    var entered = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    var queue =
        queue(
            (ref, manager, status) -> {
              entered.countDown();
              try {
                release.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return record(status);
            });
    var first = queue.say(REF, word("a"), Urgency.Now);
    entered.await();
    var overtaken = queue.say(REF, word("b"), Urgency.Now);
    var last = queue.say(REF, word("c"), Urgency.Now);
    release.countDown();
    assertThat(first.get(5, TimeUnit.SECONDS)).isEqualTo(Outcome.Written);
    assertThat(overtaken.get(5, TimeUnit.SECONDS)).isEqualTo(Outcome.Written);
    assertThat(last.get(5, TimeUnit.SECONDS)).isEqualTo(Outcome.Written);
    assertThat(written).containsExactly("a", "c");
  }

  @Test
  void progressIsWrittenAtMostEveryTwoSecondsAndAnUrgentWordDoesNotWaitForIt() throws Exception {
    var queue = queue((ref, manager, status) -> record(status));
    queue.say(REF, word("a"), Urgency.Now).get(5, TimeUnit.SECONDS);
    Instant before = clock.instant();
    var progress = queue.say(REF, word("b"), Urgency.Eventually);
    progress.get(10, TimeUnit.SECONDS);
    assertThat(Duration.between(before, clock.instant()))
        .isGreaterThan(ReportQueue.PROGRESS_INTERVAL.minusMillis(200));
    before = clock.instant();
    queue.say(REF, word("c"), Urgency.Eventually);
    queue.say(REF, word("d"), Urgency.Now).get(5, TimeUnit.SECONDS);
    assertThat(Duration.between(before, clock.instant())).isLessThan(Duration.ofMillis(1500));
    assertThat(written).containsExactly("a", "b", "d");
  }

  @Test
  void aFailedWriteIsRepeatedUntilItSucceeds() throws Exception {
    var tries = new AtomicInteger();
    var queue =
        queue(
            (ref, manager, status) ->
                tries.incrementAndGet() < 3 ? Outcome.Failed : record(status));
    assertThat(queue.say(REF, word("a"), Urgency.Now).get(20, TimeUnit.SECONDS))
        .isEqualTo(Outcome.Written);
    assertThat(tries).hasValue(3);
  }

  @Test
  void anObjectThatIsGoneIsForgotten() throws Exception {
    var queue = queue((ref, manager, status) -> Outcome.ObjectGone);
    assertThat(queue.say(REF, word("a"), Urgency.Now).get(5, TimeUnit.SECONDS))
        .isEqualTo(Outcome.ObjectGone);
    await().untilAsserted(() -> assertThat(queue.newest("uid-1")).isEmpty());
  }

  @Test
  void aWordThatIsNotWrittenYetIsNotForgotten() {
    var queue = queue((ref, manager, status) -> Outcome.Failed);
    queue.say(REF, word("a"), Urgency.Now);
    queue.forget("uid-1");
    assertThat(queue.newest("uid-1")).isPresent();
  }
}
