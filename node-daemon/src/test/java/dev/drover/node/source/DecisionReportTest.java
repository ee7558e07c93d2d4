package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.convergence.Decision;
import dev.drover.node.convergence.Sample;
import dev.drover.node.report.RecordedReports;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.InstantSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DecisionReportTest {
  private static final long MIB = 1 << 20;
  private static final Sample BY =
      new Sample(
          Duration.ofSeconds(40),
          4,
          4096 * MIB,
          600 * MIB,
          100 * MIB,
          130 * MIB,
          Duration.ofMillis(70),
          0);

  private final RecordedReports reports = new RecordedReports();
  private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
  private final SourceReports.Voice voice =
      new SourceReports("n1", reports.queue("drover-source"), InstantSource.system(), metrics)
          .of(migration());

  private static LiveMigration migration() {
    var migration = new LiveMigration();
    migration.setMetadata(
        new ObjectMetaBuilder().withNamespace("ns").withName("move").withUid("u-1").build());
    migration.setStatus(LiveMigrationStatus.builder().build());
    return migration;
  }

  @AfterEach
  void close() {
    reports.close();
  }

  private static Decision.AllowDowntime allow() {
    return new Decision.AllowDowntime(Duration.ofMillis(350), "it hardly shrinks");
  }

  @Test
  void aDecisionIsInStatusWithItsFiguresAndCounted() {
    voice.say(State.Transferring, Reason.Transferring, "It begins", null).join();
    voice.decided(allow(), "350 ms: it hardly shrinks", BY);
    await()
        .untilAsserted(
            () ->
                assertThat(reports.last().decisions())
                    .singleElement()
                    .satisfies(
                        d -> {
                          assertThat(d.decision()).isEqualTo("AllowDowntime");
                          assertThat(d.because()).contains("hardly");
                          assertThat(d.iteration()).isEqualTo(4);
                          assertThat(d.memoryRemainingBytes()).isEqualTo(600 * MIB);
                          assertThat(d.throughputMiBps()).isEqualTo(100);
                          assertThat(d.dirtyRateMiBps()).isEqualTo(130);
                          assertThat(d.allowedDowntimeMilliseconds()).isEqualTo(70);
                        }));
    assertThat(metrics.counter("drover.daemon.decisions", "decision", "AllowDowntime").count())
        .isEqualTo(1);
  }

  @Test
  void onlyTheLastSixteenAreKeptAndTheyStayInLaterReports() {
    voice.say(State.Transferring, Reason.Transferring, "It begins", null).join();
    for (int i = 0; i < 20; i++) {
      voice.decided(allow(), "number " + i, BY);
    }
    voice.say(State.Stopped, Reason.WillNotConverge, "It never ends", null).join();
    assertThat(reports.last().decisions()).hasSize(16);
    assertThat(reports.last().decisions().getLast().because()).isEqualTo("number 19");
  }
}
