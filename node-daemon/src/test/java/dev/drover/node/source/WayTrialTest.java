package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.SourceReport.Reach;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.Authorities;
import dev.drover.api.v1alpha1.TargetReport.Doorway;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.way.Doors;
import dev.drover.node.way.HostCertificates;
import dev.drover.node.way.Way;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The target is this machine, at its loopback address. */
class WayTrialTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  private final FakeHypervisor source = new FakeHypervisor(InstantSource.system());
  private final FakeHypervisor target = new FakeHypervisor(InstantSource.system());
  private final Doors doors = new Doors(HERE, new PortRange(23252, 23252));
  @TempDir private Path pki;

  @AfterEach
  void close() {
    doors.close();
  }

  private Reach trial(Optional<HostCertificates> certificates, @Nullable Doorway doorway) {
    return new WayTrial(
            "n1",
            source,
            node -> Optional.of(new PeerAddress(HERE, Transport.tcp)),
            new Way(doors, certificates))
        .of(
            new TargetReport(
                "n2",
                TargetReport.State.Checked,
                "TargetChecked",
                null,
                "2026-11-23T12:00:00Z",
                null,
                List.of(),
                null,
                null,
                doorway,
                null,
                null));
  }

  private static List<String> reasons(Reach reach) {
    return reach.blockersOrEmpty().stream().map(Blocker::reason).toList();
  }

  @Test
  void aWayThatIsOpen() {
    source.putPeer(HERE, target);
    var open = (Doors.Found.Open) doors.open("x");
    var reach = trial(Optional.empty(), new Doorway(open.port(), open.greeting(), null));
    assertThat(reach.reached()).as("%s", reach).isTrue();
    assertThat(reach.nodeName()).isEqualTo("n2");
  }

  @Test
  void libvirtAndThePortAreTwoThings() {
    var reach = trial(Optional.empty(), new Doorway(23252, "abc", null));
    assertThat(reach.reached()).isFalse();
    assertThat(reasons(reach))
        .containsExactly("ConnectionToTargetFailed", "MigrationPortUnreachable");
    assertThat(reach.message()).contains("n1", "n2", "port 23252");

    source.putPeer(HERE, target);
    assertThat(reasons(trial(Optional.empty(), new Doorway(23252, "abc", null))))
        .containsExactly("MigrationPortUnreachable");
  }

  @Test
  void aTargetWithoutADoorwayIsTriedAsFarAsItGoes() {
    source.putPeer(HERE, target);
    assertThat(trial(Optional.empty(), null).reached()).isTrue();
  }

  @Test
  void ownCertificatesKeepEveryGuestHere() {
    var certificates = new HostCertificates(pki, HERE, InstantSource.system());
    var trial =
        new WayTrial(
            "n1", source, node -> Optional.empty(), new Way(doors, Optional.of(certificates)));
    assertThat(trial.ownBlockers())
        .isNotEmpty()
        .allSatisfy(b -> assertThat(b.reason()).isEqualTo("CertificateMissing"));
    source.putPeer(HERE, target);
    // What is not there can't be compared; it was told already.
    var open = (Doors.Found.Open) doors.open("x");
    var doorway =
        new Doorway(open.port(), open.greeting(), new Authorities(List.of("00"), List.of("00")));
    assertThat(trial(Optional.of(certificates), doorway).reached()).isTrue();
  }
}
