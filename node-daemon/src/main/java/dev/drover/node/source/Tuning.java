package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.node.bandwidth.BandwidthCap;
import dev.drover.node.convergence.TransferPolicy;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * What a person may change while the transfer runs, as the spec of one generation has it.
 *
 * @param generation {@code metadata.generation} of that spec
 * @param cap of memory and all disks together; empty: none
 */
record Tuning(
    long generation,
    Optional<BandwidthCap> cap,
    Duration maxDowntime,
    Duration completionTimeout,
    TransferPolicy.OnTimeout onTimeout,
    boolean postCopyAllowed,
    boolean autoConverge,
    TransferPolicy.Switchover switchover) {

  static Tuning of(LiveMigration migration) {
    LiveMigrationSpec spec = migration.getSpec();
    return new Tuning(
        Objects.requireNonNullElse(migration.getMetadata().getGeneration(), 0L),
        Optional.ofNullable(spec.bandwidthMiBps()).map(BandwidthCap::new),
        Duration.ofMillis(spec.maxDowntimeMillisecondsOrDefault()),
        Duration.ofSeconds(spec.completionTimeoutSecondsOrDefault()),
        switch (spec.onTimeoutOrDefault()) {
          case Abort -> TransferPolicy.OnTimeout.Abort;
          case Pause -> TransferPolicy.OnTimeout.Pause;
          case PostCopy -> TransferPolicy.OnTimeout.PostCopy;
        },
        spec.postCopyOrDefault() == PostCopyPolicy.Allowed,
        spec.autoConverge() != null,
        switch (spec.switchoverOrDefault()) {
          case Automatic -> TransferPolicy.Switchover.Automatic;
          case Pause -> TransferPolicy.Switchover.Pause;
          case PostCopy -> TransferPolicy.Switchover.PostCopy;
        });
  }

  /**
   * @param startedWithPostCopy libvirt can't add it later
   */
  TransferPolicy policy(boolean startedWithPostCopy) {
    return new TransferPolicy(
        maxDowntime,
        completionTimeout,
        onTimeout,
        startedWithPostCopy && postCopyAllowed,
        autoConverge,
        switchover);
  }
}
