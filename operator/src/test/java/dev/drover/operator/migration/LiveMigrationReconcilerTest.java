package dev.drover.operator.migration;

import static dev.drover.operator.migration.Facts.sighting;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.PhaseTimes;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.cluster.CachedCluster;
import dev.drover.operator.cluster.Heartbeats;
import dev.drover.operator.cluster.Wakeups;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole loop but for the API server; the test plays both daemons. */
class LiveMigrationReconcilerTest {
  private final FakeCluster cluster = new FakeCluster();
  private final List<String> phases = new ArrayList<>();
  private final LiveMigrationReconciler reconciler = reconciler();

  private LiveMigrationReconciler reconciler() {
    var caches = new CachedCluster(new Heartbeats(() -> cluster.now, Duration.ofSeconds(15)));
    return new LiveMigrationReconciler(
        cluster,
        cluster,
        cluster,
        (before, written) -> phases.add(written.getStatus().phase()),
        () -> cluster.now,
        Duration.ofSeconds(15),
        new LiveMigrationReconciler.Wiring(caches, new Wakeups(caches)));
  }

  @BeforeEach
  void aGoodDay() {
    cluster.node("hv1", 2, 2);
    cluster.node("hv2", 2, 2);
    cluster.machine("vm", sighting("hv1", State.Running));
    cluster.create("m", "vm");
  }

  @Test
  void succeedsWithFiveWrites() {
    toPreCopy();
    tick();
    cluster.source("m", SourceReport.State.Switched, "Switched");
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("PreCopy");
    cluster.see("vm", sighting("hv2", State.Running));
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("Commitment");
    tick();
    cluster.source("m", SourceReport.State.CleanedUp, "CleanedUp");
    reconcile();

    LiveMigrationStatus status = cluster.status("m");
    assertThat(phases)
        .containsExactly("PreMigration", "Reservation", "PreCopy", "Commitment", "Succeeded");
    assertThat(status.result()).isEqualTo(Facts.RESULT);
    assertThat(status.condition(ConditionType.Ready).orElseThrow().isTrue()).isTrue();
    assertThat(status.phases())
        .extracting(PhaseTimes::phase)
        .containsExactly(
            "Pending", "PreMigration", "Reservation", "PreCopy", "StopAndCopy", "Commitment");
    assertThat(status.phases()).noneMatch(p -> p.finishedAt() == null);
  }

  @Test
  void followsALongStandstillAndPostCopy() {
    toPreCopy();
    cluster.source("m", SourceReport.State.Switching, "Switching");
    reconcile();
    cluster.source("m", SourceReport.State.PostCopying, "PostCopying");
    reconcile();
    cluster.see("vm", sighting("hv2", State.Running));
    cluster.source("m", SourceReport.State.Switched, "Switched");
    reconcile();
    cluster.source("m", SourceReport.State.CleanedUp, "CleanedUp");
    reconcile();
    assertThat(phases)
        .containsSubsequence("PreCopy", "StopAndCopy", "PostCopy", "Commitment", "Succeeded");
  }

  @Test
  void failsOnlyWhenTheTargetIsClean() {
    toPreCopy();
    cluster.source("m", SourceReport.State.Stopped, "TransferFailed");
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("PreCopy");
    assertThat(cluster.status("m").failure().reason()).isEqualTo("TransferFailed");
    cluster.target("m", TargetReport.State.Clean, "Clean");
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("Failed");
    assertThat(cluster.status("m").condition(ConditionType.Stalled).orElseThrow().isTrue())
        .isTrue();
  }

  @Test
  void aGuestThatIsLostIsAFailureEvenIfAnAbortWasAskedFor() {
    toPreCopy();
    cluster.server.get("m").getMetadata().setDeletionTimestamp(cluster.now.toString());
    reconcile();
    cluster.source("m", SourceReport.State.GuestLost, "GuestStopped");
    reconcile();
    cluster.target("m", TargetReport.State.Clean, "Clean");
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("Failed");
    assertThat(cluster.status("m").failure().reason()).isEqualTo("GuestStopped");
  }

  @Test
  void aDeletionAbortsAndThenLetsGo() {
    toPreCopy();
    cluster.server.get("m").getMetadata().setDeletionTimestamp(cluster.now.toString());
    assertThat(advance().releaseObject()).isFalse();
    assertThat(cluster.status("m").failure().reason()).isEqualTo("Deleted");
    cluster.source("m", SourceReport.State.Stopped, "Stopped");
    assertThat(advance().releaseObject()).isFalse();
    cluster.target("m", TargetReport.State.Clean, "Clean");
    advance();
    assertThat(cluster.status("m").phase()).isEqualTo("Aborted");
    assertThat(advance().releaseObject()).isTrue();
  }

  @Test
  void aDeletedPendingOneGoesAtOnce() {
    cluster.server.get("m").getMetadata().setDeletionTimestamp(cluster.now.toString());
    assertThat(advance().releaseObject()).isTrue();
    assertThat(cluster.writes).isEmpty();
  }

  @Test
  void anAbortThatComesTooLateIsForgotten() {
    toPreCopy();
    cluster.server.get("m").getMetadata().setDeletionTimestamp(cluster.now.toString());
    reconcile();
    assertThat(cluster.status("m").failure()).isNotNull();
    cluster.source("m", SourceReport.State.Switched, "Switched");
    reconcile();
    assertThat(cluster.status("m").failure()).isNull();
    reconcile();
    assertThat(cluster.status("m").failure()).isNull();
    cluster.see("vm", sighting("hv2", State.Running));
    reconcile();
    assertThat(advance().releaseObject()).isFalse();
    cluster.source("m", SourceReport.State.CleanedUp, "CleanedUp");
    reconcile();
    assertThat(advance().releaseObject()).isTrue();
  }

  @Test
  void nothingIsWrittenWhenNothingHasChanged() {
    toPreCopy();
    int before = cluster.writes.size();
    for (int i = 0; i < 5; i++) {
      tick();
      reconcile();
    }
    assertThat(cluster.writes).hasSize(before);
  }

  @Test
  void aSourceThatIsAwayIsToldOnceAndTakenBackOnce() {
    toPreCopy();
    var before = cluster.status("m");
    int writes = cluster.writes.size();
    // The heartbeat counts as lost after 15 s, and the grace of a node is 30 s.
    cluster.silent.put("hv1", cluster.now);
    cluster.now = cluster.now.plusSeconds(20);
    assertThat(advance().recheckAfter()).contains(Duration.ofSeconds(25));
    assertThat(cluster.writes).hasSize(writes);
    cluster.now = cluster.now.plusSeconds(25);
    for (int i = 0; i < 5; i++) {
      reconcile();
      tick();
    }
    assertThat(cluster.writes).hasSize(writes + 1);
    var stalled = cluster.status("m").condition(ConditionType.Stalled).orElseThrow();
    assertThat(stalled.isTrue()).isTrue();
    assertThat(stalled.reason()).isEqualTo("WaitingForDaemon");
    assertThat(stalled.message()).startsWith("The daemon of hv1 is away;");

    cluster.silent.clear();
    for (int i = 0; i < 5; i++) {
      reconcile();
      tick();
    }
    assertThat(cluster.writes).hasSize(writes + 2);
    assertThat(cluster.status("m").phases()).isEqualTo(before.phases());
    assertThat(cluster.status("m").conditions())
        .allSatisfy(c -> assertThat(c.reason()).isEqualTo("Transferring"))
        .extracting(c -> c.type() + " " + c.status() + " " + c.message())
        .containsExactlyElementsOf(
            before.conditions().stream()
                .map(c -> c.type() + " " + c.status() + " " + c.message())
                .toList());
  }

  @ParameterizedTest
  @CsvSource({
    "Reservation, hv1, true",
    "PreCopy, hv1, true",
    "PreCopy, hv2, true",
    "Commitment, hv1, true",
    "PreCopy, hv9, false",
    "Failed, hv1, false",
  })
  void aFencedNodeWakesThoseThatWaitForIt(Phase phase, String node, boolean wakes) {
    cluster.put(Facts.in(phase).migration());
    var wakeups = new Wakeups(cluster);
    List<String> woken = new ArrayList<>();
    wakeups
        .ofMigrations()
        .setEventHandler(e -> woken.add(e.getRelatedCustomResourceID().getName()));
    wakeups.ofMigrations().start();
    wakeups.standingChanged(node);
    assertThat(woken).isEqualTo(wakes ? List.of("m") : List.of());
  }

  @ParameterizedTest
  @CsvSource({
    "Pending, hv9, true",
    "PreMigration, hv9, true",
    "Reservation, hv1, false",
    "PreCopy, hv1, true",
    "PreCopy, hv2, false",
    "StopAndCopy, hv1, true",
    "StopAndCopy, hv9, false",
    "PostCopy, hv1, true",
    "Commitment, hv1, false",
    "Failed, hv1, false",
  })
  void aNodeWakesThoseThatNeedIt(Phase phase, String node, boolean wakes) {
    cluster.put(Facts.in(phase).migration());
    var wakeups = new Wakeups(cluster);
    List<String> woken = new ArrayList<>();
    wakeups
        .ofMigrations()
        .setEventHandler(e -> woken.add(e.getRelatedCustomResourceID().getName()));
    wakeups.ofMigrations().start();
    wakeups.nodeChanged(node);
    assertThat(woken).isEqualTo(wakes ? List.of("m") : List.of());
    woken.clear();
    wakeups.ofNodes().setEventHandler(e -> {});
    wakeups.ofNodes().start();
    wakeups.heartbeatChanged(node);
    assertThat(woken).isEqualTo(wakes ? List.of("m") : List.of());
  }

  @Test
  void aStaleCacheTakesNothingBackAndRepeatsNothing() {
    cluster.freeze();
    reconcile();
    reconcile();
    assertThat(cluster.writes).containsExactly("m:PreMigration");
  }

  @Test
  void aWriteFromAStaleObjectIsRefusedAndComputedAnew() {
    reconcile();
    cluster.freeze();
    // The target changes behind our back: a new process that has not seen anything but the cache.
    cluster.source("m", SourceReport.State.Inspected, "Inspected");
    cluster.target("m", TargetReport.State.Checked, "Checked");
    cluster.now = cluster.now.plusSeconds(61);
    assertThat(reconciler().advance(cluster.cached("m")).recheckAfter()).isPresent();
    assertThat(cluster.status("m").failure()).isNull();
    cluster.thaw();
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("Reservation");
  }

  @Test
  void aNewProcessGoesOnWhereTheOldOneDied() {
    toPreCopy();
    var second = reconciler();
    cluster.see("vm", sighting("hv2", State.Running));
    cluster.source("m", SourceReport.State.Switched, "Switched");
    second.advance(cluster.cached("m"));
    assertThat(cluster.status("m").phase()).isEqualTo("Commitment");
  }

  @Test
  void slotsHoldInABurst() throws Exception {
    cluster.server.clear();
    int count = 60;
    for (int i = 0; i < count; i++) {
      cluster.machine("vm" + i, sighting("hv1", State.Running));
      cluster.create("m" + i, "vm" + i);
    }
    cluster.node("hv1", 2, 5);
    cluster.node("hv2", 3, 2);
    cluster.node("hv3", 1, 2);
    // The caches show none of the writes: only claims keep the limits.
    cluster.freeze();
    var start = new CountDownLatch(1);
    try (var threads = Executors.newFixedThreadPool(8)) {
      for (int i = 0; i < count; i++) {
        String name = "m" + i;
        threads.submit(
            () -> {
              start.await();
              return reconciler.advance(cluster.cached(name));
            });
      }
      start.countDown();
    }
    Map<String, Integer> incoming = new HashMap<>();
    cluster.server.values().stream()
        .filter(m -> m.getStatus() != null && m.getStatus().phaseValue() == Phase.PreMigration)
        .forEach(m -> incoming.merge(m.getStatus().targetNode(), 1, Integer::sum));
    assertThat(incoming).isEqualTo(Map.of("hv2", 3, "hv3", 1));
  }

  @Test
  void oneVirtualMachineHasOneMigration() throws Exception {
    int count = 30;
    for (int i = 0; i < count; i++) {
      cluster.create("x" + i, "vm");
    }
    cluster.freeze();
    try (var threads = Executors.newFixedThreadPool(8)) {
      cluster.migrations().forEach(m -> threads.submit(() -> reconciler.advance(m)));
    }
    assertThat(cluster.server.values())
        .filteredOn(m -> m.getStatus().phaseValue() == Phase.PreMigration)
        .hasSize(1);
    assertThat(cluster.server.values())
        .filteredOn(m -> m.getStatus().phaseValue() == Phase.Failed)
        .allMatch(m -> m.getStatus().failure().reason().equals("MigrationInProgress"))
        .hasSize(count);
  }

  @Test
  void theOldestGetsTheNextSlot() {
    cluster.node("hv2", 1, 2);
    cluster.machine("vm1", sighting("hv1", State.Running));
    cluster.machine("vm2", sighting("hv1", State.Running));
    reconcile();
    cluster.create("older", "vm1").getMetadata().setCreationTimestamp("2026-11-23T11:00:00Z");
    cluster.create("younger", "vm2").getMetadata().setCreationTimestamp("2026-11-23T11:00:01Z");
    reconciler.advance(cluster.cached("older"));
    reconciler.advance(cluster.cached("younger"));
    assertThat(cluster.status("older").queue().position()).isEqualTo(1);
    assertThat(cluster.status("younger").queue().position()).isEqualTo(2);

    cluster.source("m", SourceReport.State.Refused, "HostDeviceAttached");
    reconcile();
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("Failed");
    reconciler.advance(cluster.cached("younger"));
    assertThat(cluster.status("younger").phase()).isEqualTo("Pending");
    reconciler.advance(cluster.cached("older"));
    assertThat(cluster.status("older").phase()).isEqualTo("PreMigration");
  }

  @Test
  void progressIsNoNews() {
    toPreCopy();
    var before = cluster.server.get("m");
    var s = before.getStatus();
    var after =
        cluster.copy(
            before,
            LiveMigrationStatus.builder()
                .phase(s.phaseValue())
                .conditions(s.conditions())
                .observedGeneration(s.observedGeneration())
                .sourceNode(s.sourceNode())
                .targetNode(s.targetNode())
                .domainUuid(s.domainUuid())
                .phases(s.phases())
                .source(s.source())
                .target(s.target())
                .progress(
                    new LiveMigrationStatus.Progress(
                        5, 1, 1, 1, 1, 1, 1, 1, 1, 1, null, null, 1, "now"))
                .build());
    assertThat(LiveMigrationReconciler.isOfInterest(after, before)).isFalse();
    cluster.source("m", SourceReport.State.Switched, "Switched");
    assertThat(LiveMigrationReconciler.isOfInterest(cluster.server.get("m"), before)).isTrue();
  }

  private void toPreCopy() {
    reconcile();
    tick();
    cluster.source("m", SourceReport.State.Inspected, "Inspected");
    reconcile();
    cluster.target("m", TargetReport.State.Checked, "Checked");
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("Reservation");
    tick();
    cluster.target("m", TargetReport.State.Reserved, "Reserved");
    reconcile();
    assertThat(cluster.status("m").phase()).isEqualTo("PreCopy");
    cluster.source("m", SourceReport.State.Transferring, "Transferring");
    reconcile();
  }

  private void tick() {
    cluster.now = cluster.now.plusSeconds(1);
  }

  private void reconcile() {
    advance();
  }

  private LiveMigrationReconciler.Outcome advance() {
    return reconciler.advance(cluster.cached("m"));
  }
}
