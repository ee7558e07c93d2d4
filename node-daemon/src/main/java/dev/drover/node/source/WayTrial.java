package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Reach;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.Doorway;
import dev.drover.api.v1alpha1.Text;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.way.HostCertificates;
import dev.drover.node.way.Knock;
import dev.drover.node.way.Way;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tries the way to a target, as its transfer would take it: libvirt's port with libvirt, a port of
 * the migration range with a connection of its own, and with TLS, whether the two hosts believe
 * each other's certificates.
 */
final class WayTrial {
  /** A host that takes longer to answer would not keep up with a transfer either. */
  private static final Duration LIBVIRT_PATIENCE = Duration.ofSeconds(5);

  private static final Duration PORT_PATIENCE = Duration.ofSeconds(3);

  private final String nodeName;
  private final Hypervisor hypervisor;
  private final PeerDirectory peers;
  private final Way way;

  WayTrial(String nodeName, Hypervisor hypervisor, PeerDirectory peers, Way way) {
    this.nodeName = nodeName;
    this.hypervisor = hypervisor;
    this.peers = peers;
    this.way = way;
  }

  /** What is wrong here, whatever the target. */
  List<Blocker> ownBlockers() {
    return way.certificates().map(HostCertificates::asClient).stream()
        .flatMap(findings -> findings.blockers().stream())
        .toList();
  }

  /** {@code target}: what it has said of this migration. */
  Reach of(TargetReport target) {
    String name = target.nodeName();
    List<Blocker> blockers = new ArrayList<>();
    var address = peers.addressOf(name);
    if (address.isEmpty()) {
      blockers.add(
          Blocker.of(
              Reason.ConnectionToTargetFailed, "the address of %s is not known".formatted(name)));
    } else {
      tryLibvirt(name, address.get(), blockers);
      tryPort(name, address.get(), target.doorway(), blockers);
      compareCertificates(name, target.doorway(), blockers);
    }
    List<Blocker> warnings =
        way.certificates().map(HostCertificates::asClient).stream()
            .flatMap(findings -> findings.warnings().stream())
            .toList();
    return new Reach(
        name,
        blockers.isEmpty(),
        blockers.isEmpty() ? null : Text.limit(Blocker.sentence(blockers), 512),
        blockers.isEmpty() ? null : blockers,
        warnings.isEmpty() ? null : warnings);
  }

  private void tryLibvirt(String name, PeerAddress address, List<Blocker> blockers) {
    try (var _ = hypervisor.connectPeer(address, LIBVIRT_PATIENCE)) {
      // It answers, and TLS has accepted both certificates if there are any.
    } catch (HypervisorException e) {
      blockers.add(
          Blocker.of(
              Reason.ConnectionToTargetFailed,
              "%s does not reach the libvirt of %s: %s".formatted(nodeName, name, e.getMessage())));
    }
  }

  private void tryPort(
      String name, PeerAddress address, @Nullable Doorway doorway, List<Blocker> blockers) {
    if (doorway == null) {
      return; // the target says why, if it is anything that keeps the guest from coming
    }
    Knock.at(address.address(), doorway.port(), doorway.greeting(), PORT_PATIENCE)
        .ifPresent(
            why ->
                blockers.add(
                    Blocker.of(
                        Reason.MigrationPortUnreachable,
                        "%s does not reach a migration port of %s: %s"
                            .formatted(nodeName, name, why))));
  }

  private void compareCertificates(String name, @Nullable Doorway doorway, List<Blocker> blockers) {
    if (doorway == null || doorway.authorities() == null || way.certificates().isEmpty()) {
      return;
    }
    blockers.addAll(way.certificates().get().against(name, doorway.authorities()));
  }
}
