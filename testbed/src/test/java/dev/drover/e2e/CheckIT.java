package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code dryRun}: what it says, and that nothing is left of it. */
@DroverTestbed(hosts = 3)
class CheckIT {

  @Test
  void aDryRunSaysWhereTheGuestCanGoAndTouchesNothing(Testbed testbed) {
    var spec = GuestSpec.named("asking").withDisk(DiskSpec.local(64)).dirtying(64, 8).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var status = scene.migrate("dryRun: true\n").awaitSucceeded();
      assertThat(status.candidates())
          .filteredOn(Candidate::fits)
          .extracting(Candidate::nodeName)
          .contains("n2", "n3")
          .doesNotContain("n1");
      assertThat(status.conditions())
          .filteredOn(c -> c.type().equals("Ready"))
          .singleElement()
          .satisfies(
              c -> {
                assertThat(c.isTrue()).isTrue();
                assertThat(c.reason()).isEqualTo(Reason.CheckPassed.name());
                assertThat(c.message()).contains("n2").contains("n3");
              });
      // The probes are gone before it ends, not after.
      scene.assertNoProbesLeft();
      scene.assertStayed(boot);
      assertThat(status.progress()).isNull();
    }
  }

  @Test
  void allThatIsInTheWayIsToldOfEachHostAtOnce(Testbed testbed) {
    var spec =
        GuestSpec.named("blocked").withDisk(DiskSpec.local(64)).withDisk(DiskSpec.shared(64));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var path = scene.guest().diskPath(0);
      for (var host : List.of(testbed.host("n2"), testbed.host("n3"))) {
        host.exec("sh", "-c", "echo precious > " + path);
      }
      var foreign =
          "<domain type='qemu'><name>blocked</name><memory>1024</memory>"
              + "<os><type>hvm</type></os></domain>";
      testbed.host("n3").exec("sh", "-c", "echo \"" + foreign + "\" > /tmp/foreign.xml");
      testbed.host("n3").virsh("define", "/tmp/foreign.xml").orThrow();
      try {
        var status = scene.migrate("dryRun: true\n").awaitFailed(Reason.NoSuitableTarget);
        assertThat(reasons(status.candidates(), "n2")).contains("VolumeExists");
        assertThat(reasons(status.candidates(), "n3"))
            .contains("DomainExistsOnTarget", "VolumeExists");
        assertThat(status.candidates())
            .allSatisfy(
                c -> assertThat(c.blockers()).allSatisfy(b -> assertThat(b.remedy()).isNotBlank()));
        scene.assertNoProbesLeft();
        assertThat(testbed.host("n2").exec("cat", path).out()).contains("precious");

        // A real one without a named target says the same of each host.
        var real = scene.migrate("storage: Auto\n").awaitFailed(Reason.NoSuitableTarget);
        assertThat(reasons(real.candidates(), "n3"))
            .contains("DomainExistsOnTarget", "VolumeExists");
        scene.guest().awaitRunningOn(scene.source());
        assertThat(scene.guest().bootId()).isEqualTo(boot);
      } finally {
        testbed.host("n3").virsh("undefine", "blocked");
        for (var host : List.of(testbed.host("n2"), testbed.host("n3"))) {
          host.exec("rm", "-f", path);
        }
      }
    }
  }

  private static List<String> reasons(List<Candidate> candidates, String node) {
    return candidates.stream()
        .filter(c -> c.nodeName().equals(node))
        .flatMap(c -> c.blockers().stream())
        .map(Blocker::reason)
        .toList();
  }
}
