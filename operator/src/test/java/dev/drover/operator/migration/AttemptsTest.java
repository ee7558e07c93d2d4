package dev.drover.operator.migration;

import static dev.drover.operator.migration.Facts.T0;
import static dev.drover.operator.migration.Facts.sighting;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Retry;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Attempt;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.cluster.CachedCluster;
import dev.drover.operator.cluster.Heartbeats;
import dev.drover.operator.cluster.Wakeups;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * spec.retry, spec.notBefore and spec.priority through the whole loop; the test plays both daemons.
 */
class AttemptsTest {
  private final FakeCluster cluster = new FakeCluster();
  private final Wakeups wakeups = new Wakeups(cluster);
  private final LiveMigrationReconciler reconciler =
      new LiveMigrationReconciler(
          cluster,
          cluster,
          cluster,
          (before, written) -> {},
          () -> cluster.now,
          Duration.ofSeconds(15),
          new LiveMigrationReconciler.Wiring(
              new CachedCluster(new Heartbeats(() -> cluster.now, Duration.ofSeconds(15))),
              wakeups));

  @BeforeEach
  void aGoodDay() {
    cluster.node("hv1", 2, 2);
    cluster.node("hv2", 2, 2);
    cluster.machine("vm", sighting("hv1", State.Running));
  }

  @Test
  void aTransferThatFailsIsTriedAgainAndSucceeds() {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    failCleanly("TransferFailed");

    var between = cluster.status("m");
    assertThat(between.phaseValue()).isEqualTo(Phase.Pending);
    assertThat(between.attempt()).isEqualTo(2);
    assertThat(between.failure()).isNull();
    assertThat(between.sourceNode()).isNull();
    assertThat(between.targetNode()).isNull();
    assertThat(between.domainUuid()).isNull();
    assertThat(between.currentSource()).isEmpty();
    assertThat(between.currentTarget()).isEmpty();
    assertThat(between.condition(ConditionType.Ready).orElseThrow().message())
        .startsWith("Attempt 1 has failed (TransferFailed)");
    assertThat(between.condition(ConditionType.Stalled).orElseThrow().isTrue()).isFalse();
    assertThat(between.condition(ConditionType.Succeeded).orElseThrow().status())
        .isEqualTo("Unknown");
    assertThat(between.attempts())
        .containsExactly(
            new Attempt(
                1,
                "hv1",
                "hv2",
                T0.toString(),
                cluster.now.toString(),
                "TransferFailed",
                "The source says so."));

    assertThat(advance().recheckAfter()).contains(Duration.ofSeconds(10));
    assertThat(cluster.status("m").queue().waitingFor())
        .containsExactly(
            "Attempt 1 has failed (TransferFailed); attempt 2 begins at "
                + cluster.now.plusSeconds(10)
                + ".");
    int writes = cluster.writes.size();
    pass(4);
    assertThat(advance().recheckAfter()).contains(Duration.ofSeconds(6));
    assertThat(cluster.writes).hasSize(writes);

    pass(6);
    toPreCopy();
    cluster.see("vm", sighting("hv2", State.Running));
    cluster.source("m", SourceReport.State.Switched, "Switched");
    advance();
    cluster.source("m", SourceReport.State.CleanedUp, "CleanedUp");
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Succeeded);
    assertThat(cluster.status("m").attempts())
        .extracting(Attempt::number, Attempt::reason)
        .containsExactly(tuple(1, "TransferFailed"), tuple(2, "Succeeded"));
  }

  @Test
  void reportsOfTheAttemptBeforeMoveNothing() {
    createWith(new Retry(3, 1, null));
    toPreCopy();
    failCleanly("TransferFailed");
    pass(1);
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.PreMigration);
    // Both nodes are the same ones as before, and their last words are still in status.
    assertThat(cluster.status("m").source().state()).isEqualTo(SourceReport.State.Stopped);
    assertThat(cluster.status("m").target().state()).isEqualTo(TargetReport.State.Clean);
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.PreMigration);
    assertThat(cluster.status("m").failure()).isNull();
  }

  @Test
  void thePauseDoublesAndTheLastAttemptEndsIt() {
    createWith(new Retry(3, 4, null));
    for (int pause : List.of(4, 8)) {
      toPreCopy();
      failCleanly("ConnectionToTargetFailed");
      assertThat(advance().recheckAfter()).contains(Duration.ofSeconds(pause));
      pass(pause);
    }
    toPreCopy();
    failCleanly("TransferFailed");
    var end = cluster.status("m");
    assertThat(end.phaseValue()).isEqualTo(Phase.Failed);
    assertThat(end.failure().reason()).isEqualTo("TransferFailed");
    assertThat(end.attempts()).extracting(Attempt::number).containsExactly(1, 2, 3);
  }

  @Test
  void thePauseIsBounded() {
    var retry = new Retry(10, 3600, null);
    assertThat(retry.backoffAfter(1)).isEqualTo(Duration.ofHours(1));
    assertThat(retry.backoffAfter(9)).isEqualTo(LiveMigrationSpec.LONGEST_BACKOFF);
    assertThat(new Retry(null, null, null).backoffAfter(1)).isEqualTo(Duration.ofSeconds(10));
    assertThat(new Retry(null, 1, null).backoffAfter(200))
        .isEqualTo(LiveMigrationSpec.LONGEST_BACKOFF);
  }

  @ParameterizedTest
  @EnumSource(Reason.class)
  void onlyWhatMayPassIsTriedAgain(Reason reason) {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    failCleanly(reason.name());
    boolean asked = reason == Reason.AbortRequested || reason == Reason.Deleted;
    assertThat(cluster.status("m").phaseValue())
        .isEqualTo(reason.isTransient() ? Phase.Pending : asked ? Phase.Aborted : Phase.Failed);
  }

  @ParameterizedTest
  @CsvSource({
    "VirtualMachineNotFound",
    "HostDeviceAttached",
    "CpuIncompatible",
    "StorageIsShared",
    "MachineTypeUnsupported",
    "AbortRequested",
    "Deleted",
    "GuestStopped",
    "PostCopyFailed",
    "HandOverFailed",
    "SplitBrain",
    "MigrationInProgress"
  })
  void whatAPersonHasToPutRightDoesNotPass(Reason reason) {
    assertThat(reason.isTransient()).isFalse();
  }

  @Test
  void anUnknownReasonIsNotTriedAgain() {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    failCleanly("OfANewerDaemon");
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Failed);
  }

  @Test
  void neverAfterTheGuestWasLost() {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    cluster.source("m", SourceReport.State.GuestLost, "TransferFailed");
    advance();
    cluster.target("m", TargetReport.State.Clean, "Clean");
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Failed);
  }

  @Test
  void neverAfterADeletionThatCameWhileItWasCleanedUp() {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    cluster.source("m", SourceReport.State.Stopped, "TransferFailed");
    advance();
    cluster.server.get("m").getMetadata().setDeletionTimestamp(cluster.now.toString());
    cluster.target("m", TargetReport.State.Clean, "Clean");
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Failed);
    assertThat(advance().releaseObject()).isTrue();
  }

  @Test
  void anAbortBetweenTwoAttemptsEndsItAtOnce() {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    failCleanly("TransferFailed");
    respec(LiveMigrationSpec.builder("vm").retry(new Retry(3, 10, null)).abort(true).build());
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Aborted);
    assertThat(cluster.status("m").attempts()).hasSize(1);
  }

  @Test
  void aRetryThatIsTakenBackEndsWithTheLastAttemptsReason() {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    failCleanly("TransferFailed");
    respec(LiveMigrationSpec.builder("vm").build());
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Failed);
    assertThat(cluster.status("m").failure().reason()).isEqualTo("TransferFailed");
    assertThat(cluster.status("m").attempts()).hasSize(1);
  }

  @Test
  void withoutRetryThereIsOneAttemptAndNoList() {
    createWith(null);
    toPreCopy();
    failCleanly("TransferFailed");
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Failed);
    assertThat(cluster.status("m").attempts()).isNull();
  }

  @Test
  void onlyOtherTargetsGoesToEachHostOnce() {
    cluster.node("hv3", 2, 2);
    createWith(new Retry(5, 1, true));
    toPreCopy();
    assertThat(cluster.status("m").targetNode()).isEqualTo("hv2");
    failCleanly("TransferFailed");
    pass(1);
    toPreCopy();
    assertThat(cluster.status("m").targetNode()).isEqualTo("hv3");
    failCleanly("TransferFailed");
    pass(2);
    advance();
    var end = cluster.status("m");
    assertThat(end.phaseValue()).isEqualTo(Phase.Failed);
    assertThat(end.failure().reason()).isEqualTo("NoSuitableTarget");
    assertThat(end.failure().message()).contains("hv2, hv3 have been tried");
    assertThat(end.attempts()).hasSize(3);
  }

  @Test
  void aHostThatWasTriedIsNotTheNextCandidateEither() {
    cluster.node("hv3", 2, 2);
    createWith(new Retry(5, 1, true));
    toPreCopy();
    failCleanly("TransferFailed");
    pass(1);
    advance();
    cluster.source("m", SourceReport.State.Inspected, "Inspected");
    cluster.target("m", TargetReport.State.Refused, "PoolMissing");
    advance();
    assertThat(cluster.status("m").failure().reason()).isEqualTo("PoolMissing");
  }

  @Test
  void aHostThatIsAwayForTooLongIsAFailedAttempt() {
    cluster.silent.put("hv2", T0.minusSeconds(60));
    createWith(new Retry(2, 10, null));
    advance();
    pass(31);
    advance();
    var between = cluster.status("m");
    assertThat(between.phaseValue()).isEqualTo(Phase.Pending);
    assertThat(between.attempts()).extracting(Attempt::reason).containsExactly("NoSuitableTarget");
    // The second attempt gives the host the same grace again.
    pass(10);
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Pending);
    cluster.silent.clear();
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.PreMigration);
  }

  @Test
  void aSlotIsFreeBetweenTwoAttempts() {
    cluster.node("hv2", 1, 2);
    createWith(new Retry(3, 10, null));
    toPreCopy();
    cluster.machine("vm1", sighting("hv1", State.Running));
    cluster.create("waits", "vm1");
    reconciler.advance(cluster.cached("waits"));
    assertThat(cluster.status("waits").phaseValue()).isEqualTo(Phase.Pending);
    var before = cluster.cached("m");
    failCleanly("TransferFailed");
    List<String> woken = woken(() -> wakeups.migrationChanged(cluster.cached("m"), before));
    assertThat(woken).contains("waits");
    reconciler.advance(cluster.cached("waits"));
    assertThat(cluster.status("waits").phaseValue()).isEqualTo(Phase.PreMigration);
  }

  @Test
  void betweenTwoAttemptsTheVirtualMachineIsStillTaken() {
    createWith(new Retry(3, 10, null));
    toPreCopy();
    failCleanly("TransferFailed");
    cluster.create("another", "vm").getMetadata().setCreationTimestamp("2026-11-23T11:00:00Z");
    reconciler.advance(cluster.cached("another"));
    assertThat(cluster.status("another").failure().reason()).isEqualTo("MigrationInProgress");
  }

  @Test
  void notBeforeIsWaitedForWithoutPolling() {
    create(LiveMigrationSpec.builder("vm").notBefore("2026-11-23T15:00:00+01:00").build());
    assertThat(advance().recheckAfter()).contains(Duration.ofHours(2));
    var status = cluster.status("m");
    assertThat(status.phaseValue()).isEqualTo(Phase.Pending);
    assertThat(status.queue().waitingFor())
        .containsExactly("Waiting until 2026-11-23T14:00:00Z, as spec.notBefore says.");
    assertThat(status.condition(ConditionType.Reconciling).orElseThrow().reason())
        .isEqualTo("WaitingForNotBefore");
    int writes = cluster.writes.size();
    pass(7199);
    assertThat(advance().recheckAfter()).contains(Duration.ofSeconds(1));
    assertThat(cluster.writes).hasSize(writes);
    pass(1);
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.PreMigration);
    assertThat(cluster.status("m").queue()).isNull();
  }

  @Test
  void oneThatWaitsForItsTimeIsInNobodysWay() {
    create(LiveMigrationSpec.builder("vm").notBefore("2026-11-23T23:00:00Z").build());
    advance();
    cluster.create("now", "vm").getMetadata().setCreationTimestamp("2026-11-23T12:00:01Z");
    reconciler.advance(cluster.cached("now"));
    assertThat(cluster.status("now").phaseValue()).isEqualTo(Phase.PreMigration);
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Pending);
  }

  @Test
  void anAbortDoesNotWaitForNotBefore() {
    create(LiveMigrationSpec.builder("vm").notBefore("2026-11-23T23:00:00Z").abort(true).build());
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Aborted);
  }

  @Test
  void aHigherPriorityGetsTheNextFreeSlot() {
    cluster.node("hv2", 1, 2);
    createWith(null);
    advance();
    for (var waiting : Map.of("older", 0, "urgent", 5).entrySet()) {
      cluster.machine("vm-" + waiting.getKey(), sighting("hv1", State.Running));
      cluster.create(
          waiting.getKey(),
          LiveMigrationSpec.builder("vm-" + waiting.getKey()).priority(waiting.getValue()).build());
    }
    cluster.cached("older").getMetadata().setCreationTimestamp("2026-11-23T11:00:00Z");
    reconciler.advance(cluster.cached("older"));
    reconciler.advance(cluster.cached("urgent"));
    reconciler.advance(cluster.cached("older"));
    assertThat(cluster.status("urgent").queue().position()).isEqualTo(1);
    assertThat(cluster.status("older").queue().position()).isEqualTo(2);

    cluster.source("m", SourceReport.State.Refused, "HostDeviceAttached");
    advance();
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.Failed);
    reconciler.advance(cluster.cached("older"));
    assertThat(cluster.status("older").phaseValue()).isEqualTo(Phase.Pending);
    reconciler.advance(cluster.cached("urgent"));
    assertThat(cluster.status("urgent").phaseValue()).isEqualTo(Phase.PreMigration);
  }

  @Test
  void aChangedPriorityWakesTheQueue() {
    createWith(null);
    var before = cluster.cached("m");
    var after = cluster.copy(before, before.getStatus());
    after.setSpec(LiveMigrationSpec.builder("vm").priority(7).build());
    assertThat(woken(() -> wakeups.migrationChanged(after, before))).containsExactly("m");
    assertThat(woken(() -> wakeups.migrationChanged(after, cluster.copy(after, null)))).isEmpty();
  }

  private List<String> woken(Runnable event) {
    List<String> woken = new ArrayList<>();
    wakeups
        .ofMigrations()
        .setEventHandler(e -> woken.add(e.getRelatedCustomResourceID().getName()));
    wakeups.ofMigrations().start();
    wakeups.ofMachines().setEventHandler(e -> {});
    wakeups.ofMachines().start();
    event.run();
    return woken;
  }

  private void createWith(Retry retry) {
    create(LiveMigrationSpec.builder("vm").retry(retry).build());
  }

  private void create(LiveMigrationSpec spec) {
    cluster.create("m", spec);
  }

  private void respec(LiveMigrationSpec spec) {
    var now = cluster.server.get("m");
    var changed = cluster.copy(now, now.getStatus());
    changed.setSpec(spec);
    cluster.put(changed);
  }

  private void toPreCopy() {
    advance();
    cluster.source("m", SourceReport.State.Inspected, "Inspected");
    cluster.target("m", TargetReport.State.Checked, "Checked");
    advance();
    cluster.target("m", TargetReport.State.Reserved, "Reserved");
    advance();
    cluster.source("m", SourceReport.State.Transferring, "Transferring");
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.PreCopy);
  }

  /** The source stops for that reason, and then the target is clean. */
  private void failCleanly(String reason) {
    pass(5);
    cluster.source("m", SourceReport.State.Stopped, reason);
    advance();
    assertThat(cluster.status("m").phaseValue()).isEqualTo(Phase.PreCopy);
    cluster.target("m", TargetReport.State.Clean, "Clean");
    advance();
  }

  private void pass(int seconds) {
    cluster.now = cluster.now.plusSeconds(seconds);
  }

  private LiveMigrationReconciler.Outcome advance() {
    return reconciler.advance(cluster.cached("m"));
  }
}
