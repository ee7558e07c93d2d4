package dev.drover.node.report;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * An API server that takes every report, and a migration as the operator and the other daemon would
 * have written it.
 */
public final class RecordedReports implements StatusApplier, AutoCloseable {
  private final ScheduledExecutorService executor = Executors.newScheduledThreadPool(1);
  private final List<LiveMigrationStatus> written = new ArrayList<>();

  public ReportQueue queue(String fieldManager) {
    return new ReportQueue(fieldManager, this, executor, InstantSource.system());
  }

  @Override
  public synchronized Outcome apply(
      MigrationRef migration, String fieldManager, LiveMigrationStatus ownFields) {
    written.add(ownFields);
    return Outcome.Written;
  }

  /** The states that the source has said, each once. */
  public synchronized List<SourceReport.State> sourceStates() {
    List<SourceReport.State> states = new ArrayList<>();
    for (var status : written) {
      if (status.source() != null
          && (states.isEmpty() || states.getLast() != status.source().state())) {
        states.add(status.source().state());
      }
    }
    return states;
  }

  public synchronized @Nullable SourceReport source() {
    return written.isEmpty() ? null : written.getLast().source();
  }

  public synchronized @Nullable TargetReport target() {
    return written.isEmpty() ? null : written.getLast().target();
  }

  public synchronized LiveMigrationStatus last() {
    return written.getLast();
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }

  /**
   * A migration of {@code domain} from n1 to n2 in that phase, with what both daemons are to have
   * said.
   */
  public static LiveMigration migration(
      LiveMigrationSpec spec,
      UUID domain,
      Phase phase,
      @Nullable SourceReport source,
      @Nullable TargetReport target,
      LiveMigrationStatus.@Nullable Failure failure) {
    return migration(spec, domain, phase, source, target, failure, null);
  }

  /** The same, with what the source's daemon has said of the spec's tuning. */
  public static LiveMigration migration(
      LiveMigrationSpec spec,
      UUID domain,
      Phase phase,
      @Nullable SourceReport source,
      @Nullable TargetReport target,
      LiveMigrationStatus.@Nullable Failure failure,
      LiveMigrationStatus.@Nullable Tuning tuning) {
    var migration = new LiveMigration();
    migration.setMetadata(
        new ObjectMetaBuilder()
            .withNamespace("default")
            .withName("web-to-n2")
            .withUid("uid-1")
            .withGeneration(1L)
            .build());
    migration.setSpec(spec);
    migration.setStatus(
        LiveMigrationStatus.builder()
            .phase(phase)
            .sourceNode("n1")
            .targetNode("n2")
            .domainUuid(domain.toString())
            .source(source)
            .target(target)
            .failure(failure)
            .tuning(tuning)
            .build());
    return migration;
  }

  /** The same migration in another attempt. */
  public static LiveMigration inAttempt(int number, LiveMigration migration) {
    var status = migration.getStatus();
    migration.setStatus(
        LiveMigrationStatus.builder()
            .phase(status.phaseValue())
            .sourceNode(status.sourceNode())
            .targetNode(status.targetNode())
            .domainUuid(status.domainUuid())
            .attempt(number)
            .source(status.source())
            .target(status.target())
            .failure(status.failure())
            .progress(status.progress())
            .build());
    return migration;
  }

  public static LiveMigrationSpec spec() {
    return spec(LiveMigrationSpec.Storage.Auto, LiveMigrationSpec.CommitOrder.Fenced);
  }

  public static LiveMigrationSpec spec(
      LiveMigrationSpec.Storage storage, LiveMigrationSpec.CommitOrder commit) {
    return LiveMigrationSpec.builder("web")
        .target(new LiveMigrationSpec.Target("n2", null))
        .storage(storage)
        .maxDowntimeMilliseconds(500)
        .postCopy(
            commit == LiveMigrationSpec.CommitOrder.Direct
                ? LiveMigrationSpec.PostCopyPolicy.Allowed
                : null)
        .completionTimeoutSeconds(3600)
        .commit(commit)
        .build();
  }
}
