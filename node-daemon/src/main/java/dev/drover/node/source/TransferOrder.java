package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.LiveMigrationSpec.TimeoutAction;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.bandwidth.BandwidthCap;
import dev.drover.node.convergence.TransferPolicy;
import dev.drover.node.hypervisor.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** All that a transfer has to know, taken from the object once. */
record TransferOrder(
    UUID uuid,
    Guest guest,
    String targetNode,
    PeerAddress target,
    List<String> copyDisks,
    boolean fenced,
    boolean postCopy,
    Duration maxDowntime,
    Optional<BandwidthCap> cap,
    TransferPolicy policy) {

  static TransferOrder of(
      LiveMigration migration, UUID uuid, Guest guest, String targetNode, PeerAddress target) {
    var spec = migration.getSpec();
    // A guest that stands still anyway has nothing to gain from post-copy, and libvirt refuses it
    // (libvirt.md 0.8).
    boolean postCopy = spec.postCopyOrDefault() == PostCopyPolicy.Allowed && !guest.paused();
    var cap = spec.bandwidthMiBps();
    return new TransferOrder(
        uuid,
        guest,
        targetNode,
        target,
        migration.getStatus().currentTarget().map(TargetReport::copies).orElse(List.of()).stream()
            .map(DiskPlan::target)
            .toList(),
        spec.commitOrDefault() == CommitOrder.Fenced && !postCopy,
        postCopy,
        Duration.ofMillis(spec.maxDowntimeMillisecondsOrDefault()),
        cap == null ? Optional.empty() : Optional.of(new BandwidthCap(cap)),
        new TransferPolicy(
            Duration.ofMillis(spec.maxDowntimeMillisecondsOrDefault()),
            Duration.ofSeconds(spec.completionTimeoutSecondsOrDefault()),
            spec.onTimeoutOrDefault() == TimeoutAction.PostCopy
                ? TransferPolicy.OnTimeout.PostCopy
                : TransferPolicy.OnTimeout.Abort,
            postCopy,
            TransferPolicy.Switchover.Automatic));
  }
}
