package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.MemoryStream;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.stream.StreamChoice;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** All that a transfer has to know and that never changes while it runs. */
record TransferOrder(
    UUID uuid,
    Guest guest,
    String targetNode,
    PeerAddress target,
    List<String> copyDisks,
    Map<String, String> bridges,
    boolean fenced,
    boolean postCopy,
    LiveMigrationSpec spec) {

  static TransferOrder of(
      LiveMigration migration,
      UUID uuid,
      Guest guest,
      String targetNode,
      PeerAddress target,
      Map<String, String> bridges) {
    var spec = migration.getSpec();
    // A guest that stands still anyway has nothing to gain from post-copy, and libvirt refuses it
    // (libvirt.md 0.8).
    boolean postCopy = spec.postCopyOrDefault() == PostCopyPolicy.Allowed && !guest.paused();
    return new TransferOrder(
        uuid,
        guest,
        targetNode,
        target,
        migration.getStatus().currentTarget().map(TargetReport::copies).orElse(List.of()).stream()
            .map(DiskPlan::target)
            .toList(),
        bridges,
        spec.commitOrDefault() == CommitOrder.Fenced && !postCopy,
        postCopy,
        spec);
  }

  /**
   * @param cores of this host
   */
  MemoryStream stream(int cores) {
    return StreamChoice.choose(spec, postCopy, cores);
  }
}
