package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Switchover;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.LiveMigrationStatus.NotApplied;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Tuning;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.TransferConnections;
import dev.drover.node.report.RecordedReports;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The spec is changed while the transfer runs. */
class TuningTest extends SourceStage {

  private void patch(LiveMigrationSpec.Builder spec) throws HypervisorException {
    patch(spec, null);
  }

  private void patch(LiveMigrationSpec.Builder spec, @Nullable Failure failure)
      throws HypervisorException {
    LiveMigration migration =
        RecordedReports.migration(spec.build(), DOMAIN, Phase.PreCopy, null, RESERVED, failure);
    migration.getMetadata().setGeneration(2L);
    role.handle(migration);
  }

  private static LiveMigrationSpec.Builder spec() {
    return LiveMigrationSpec.builder("web").target(new LiveMigrationSpec.Target("n2", null));
  }

  private Tuning awaitObeyed() {
    await()
        .until(
            () -> {
              var tuning = reports.last().tuning();
              return tuning != null && Long.valueOf(2).equals(tuning.observedGeneration());
            });
    return reports.last().tuning();
  }

  @Test
  void anotherCapAndDowntimeAreObeyedAndThatIsSaid() throws HypervisorException {
    begin();
    patch(spec().bandwidthMiBps(7).maxDowntimeMilliseconds(90));
    assertThat(awaitObeyed().notApplied()).isNull();
    await().until(() -> source.calls().contains("setMaxDowntime " + DOMAIN + " 10"));
    await()
        .untilAsserted(
            () ->
                assertThat(source.calls())
                    .anyMatch(c -> c.matches("setMemoryBandwidth " + DOMAIN + " [1-7]"))
                    .anyMatch(c -> c.startsWith("setDiskBandwidth " + DOMAIN + " vda ")));
  }

  @Test
  void theCapOfATransferBeforeIsTakenAwayBeforeTheNextOneStarts() throws HypervisorException {
    begin();
    await().until(() -> source.calls().contains("startTransfer " + DOMAIN));
    assertThat(source.calls())
        .containsSubsequence(
            "setMemoryBandwidth " + DOMAIN + " without a cap", "startTransfer " + DOMAIN);
  }

  @Test
  void withoutACapThereIsNone() throws HypervisorException {
    begin();
    patch(spec().bandwidthMiBps(7));
    awaitObeyed();
    var migration =
        RecordedReports.migration(spec().build(), DOMAIN, Phase.PreCopy, null, RESERVED, null);
    migration.getMetadata().setGeneration(3L);
    role.handle(migration);
    await()
        .untilAsserted(
            () ->
                assertThat(source.calls())
                    .containsSubsequence(
                        "startTransfer " + DOMAIN,
                        "setMemoryBandwidth " + DOMAIN + " without a cap")
                    .contains("setDiskBandwidth " + DOMAIN + " vda 0"));
  }

  @Test
  void whatCanNotBeChangedAnyMoreIsSaid() throws HypervisorException {
    begin();
    patch(spec().postCopy(PostCopyPolicy.Allowed).commit(CommitOrder.Direct));
    assertThat(awaitObeyed().notApplied())
        .extracting(NotApplied::field, NotApplied::reason)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("postCopy", Reason.TuningTooLate.name()));
  }

  @Test
  void aForcedSwitchoverStopsTheGuestAndItIsHandedOver() throws HypervisorException {
    begin();
    patch(spec().switchover(Switchover.Pause));
    await().until(() -> source.calls().contains("suspend " + DOMAIN));
    assertThat(reports.last().tuning().pausedAt()).as("said before it is done").isNotNull();
    awaitSaid(State.Switching);
    landPaused();
    source.putJob(DOMAIN, Optional.empty());
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
    assertThat(target.calls()).contains("resume " + DOMAIN);
  }

  @Test
  void aGuestThatWasStoppedForItsTransferGoesOnIfThatFails() throws HypervisorException {
    var transfer = begin();
    patch(spec().switchover(Switchover.Pause));
    await().until(() -> source.calls().contains("suspend " + DOMAIN));
    source.become(DOMAIN, Run.Paused, "user", DomainEvent.Other);
    source.putJob(DOMAIN, Optional.empty());
    transfer.fail(new HypervisorException(Kind.Other, 9, "operation failed"));
    awaitSaid(State.Stopped);
    assertThat(source.calls()).contains("resume " + DOMAIN);
  }

  @Test
  void anAbortIsNotHeldBackWhileTheGuestIsStoppedForItsTransfer() throws HypervisorException {
    begin();
    source.putTraffic(DOMAIN, new TransferConnections.Traffic(1, 1000, false));
    patch(spec().switchover(Switchover.Pause));
    await().until(() -> source.calls().contains("suspend " + DOMAIN));
    patch(
        spec().switchover(Switchover.Pause).abort(true),
        Failure.of(Reason.AbortRequested, "spec.abort was set.", null, Phase.PreCopy));
    await().until(() -> source.calls().contains("breakStreams " + DOMAIN));
  }

  @Test
  void aDaemonThatComesBackLetsAStoppedGuestGoOn() throws HypervisorException {
    var guest = inspected().guest();
    source.become(DOMAIN, Run.Paused, "user", DomainEvent.Other);
    try (var next = new NextLife()) {
      var own =
          new dev.drover.api.v1alpha1.SourceReport(
              "n1", State.Switching, "Switching", null, "2026-11-23T12:00:00Z", null, guest, null);
      var migration =
          RecordedReports.migration(
              spec().switchover(Switchover.Pause).build(),
              DOMAIN,
              Phase.StopAndCopy,
              own,
              RESERVED,
              null,
              new Tuning(1L, null, "2026-11-23T12:00:00Z"));
      next.role.handle(migration);
      next.awaitSaid(State.Stopped);
      assertThat(source.calls()).contains("resume " + DOMAIN);
    }
  }

  @Test
  void aForcedPostCopyIsAskedOfLibvirt() throws HypervisorException {
    inspected();
    source.putJob(DOMAIN, Optional.of(job()));
    var direct = spec().postCopy(PostCopyPolicy.Allowed).commit(CommitOrder.Direct);
    role.handle(
        RecordedReports.migration(direct.build(), DOMAIN, Phase.PreCopy, null, RESERVED, null));
    awaitSaid(State.Transferring);
    patch(direct.switchover(Switchover.PostCopy));
    await().until(() -> source.calls().contains("startPostCopy " + DOMAIN));
  }

  /** This host has 8 cores: two connections. */
  @Test
  void aCapThatSeveralConnectionsCanNotKeepIsNotApplied() throws HypervisorException {
    begin(spec().compression(LiveMigrationSpec.Compression.Zstd).build());
    patch(spec().compression(LiveMigrationSpec.Compression.Zstd).bandwidthMiBps(23));
    assertThat(awaitObeyed().notApplied())
        .singleElement()
        .satisfies(
            field -> {
              assertThat(field.field()).isEqualTo("bandwidthMiBps");
              assertThat(field.reason()).isEqualTo(Reason.TuningNotSupported.name());
              assertThat(field.message()).contains("2 connections", "below 24 MiB/s");
            });
  }

  @Test
  void ofSeveralConnectionsAsMuchLessIsAskedAsTheySendAbove() throws HypervisorException {
    begin(spec().parallelConnections(4).build());
    patch(spec().parallelConnections(4).bandwidthMiBps(100));
    assertThat(awaitObeyed().notApplied()).isNull();
    await()
        .untilAsserted(
            () ->
                assertThat(source.calls())
                    .anyMatch(c -> c.matches("setMemoryBandwidth " + DOMAIN + " (7[0-9]|80)")));
  }
}
