package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.report.RecordedReports;
import dev.drover.node.way.Doors;
import dev.drover.node.way.HostCertificates;
import dev.drover.node.way.Knock;
import dev.drover.node.way.Way;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a target says of the way to it. It is this machine, with one port. */
class TargetWayTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();
  private static final int PORT = 23352;
  private static final UUID DOMAIN = UUID.fromString("5b0a1e52-0000-4000-8000-000000000001");

  private final RecordedReports reports = new RecordedReports();
  private final Doors doors = new Doors(HERE, new PortRange(PORT, PORT));
  @TempDir private Path pki;

  @AfterEach
  void close() {
    doors.close();
    reports.close();
  }

  private TargetRole role(Optional<HostCertificates> certificates) {
    var role =
        new TargetRole(
            "n2",
            new FakeHypervisor(InstantSource.system()),
            () -> 2,
            new Way(doors, certificates),
            reports.queue("drover-target"),
            InstantSource.system());
    role.restore(List.of());
    return role;
  }

  private static LiveMigration migration(boolean dryRun) {
    var guest =
        new Guest(
            "web", false, true, 1 << 20, 1, "x86_64", "q35", "kvm", null, null, null, List.of());
    var spec = LiveMigrationSpec.builder("web");
    return RecordedReports.migration(
        dryRun ? spec.dryRun(true).build() : spec.build(),
        DOMAIN,
        Phase.PreMigration,
        new SourceReport(
            "n1",
            SourceReport.State.Inspected,
            "Inspected",
            null,
            "2026-11-23T12:00:00Z",
            null,
            guest,
            null),
        null,
        null);
  }

  private TargetReport check(TargetRole role, boolean dryRun) throws HypervisorException {
    role.handle(migration(dryRun));
    await().until(() -> reports.target() != null);
    return reports.target();
  }

  private static List<String> reasons(TargetReport report) {
    return report.blockersOrEmpty().stream().map(Blocker::reason).toList();
  }

  private static Optional<String> knock(String greeting) {
    return Knock.at(HERE, PORT, greeting, Duration.ofSeconds(1));
  }

  @Test
  void aDryRunHoldsADoorOpenUntilItMovesOn() throws HypervisorException {
    var role = role(Optional.empty());
    var doorway = check(role, true).doorway();
    assertThat(doorway.port()).isEqualTo(PORT);
    assertThat(doorway.authorities()).as("without TLS").isNull();
    assertThat(knock(doorway.greeting())).isEmpty();
    role.gone(migration(true));
    assertThat(knock(doorway.greeting())).isPresent();
  }

  @Test
  void aMigrationOnlyLooks() throws HypervisorException {
    var report = check(role(Optional.empty()), false);
    assertThat(report.state()).isEqualTo(TargetReport.State.Checked);
    assertThat(report.doorway()).isNull();
    assertThat(knock("")).as("nobody listens").isPresent();
  }

  @Test
  void withoutAFreePortNobodyCanCome() throws HypervisorException, IOException {
    try (var taken = new ServerSocket()) {
      taken.bind(new InetSocketAddress(HERE, PORT));
      assertThat(reasons(check(role(Optional.empty()), false))).containsExactly("NoMigrationPort");
    }
  }

  @Test
  void ownCertificatesAreLookedAtAlsoWithoutADryRun() throws HypervisorException {
    var certificates = new HostCertificates(pki, HERE, InstantSource.system());
    assertThat(reasons(check(role(Optional.of(certificates)), false)))
        .isNotEmpty()
        .containsOnly("CertificateMissing");
  }
}
