package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code dryRun}: what it says, and that nothing is left of it. */
@DroverTestbed
class CheckIT {
  /** QEMU 7.2 can't emulate the SHA instructions, QEMU 10.0 can. */
  private static final String SHA =
      """
      <domain type='qemu'>
        <name>hashing</name>
        <memory unit='MiB'>64</memory>
        <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
        <cpu mode='custom' match='exact' check='partial'>
          <model fallback='forbid'>qemu64</model>
          <feature policy='disable' name='svm'/>
          <feature policy='require' name='sha-ni'/>
        </cpu>
      </domain>
      """;

  private static final String FOREIGN =
      """
      <domain type='qemu'>
        <name>blocked</name>
        <memory unit='MiB'>1</memory>
        <os><type>hvm</type></os>
      </domain>
      """;

  @Test
  void aDryRunSaysWhereTheGuestCanGoAndTouchesNothing(Testbed testbed) {
    var spec = GuestSpec.named("asking").withDisk(DiskSpec.local(64)).dirtying(64, 8).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      // Until then it fills its memory, as fast as it can.
      Waiting.until("the guest has settled", () -> scene.guest().dirtiedMib() >= 32);
      var status = scene.migrate("dryRun: true\nbandwidthMiBps: 50\n").awaitSucceeded();
      // The probes are gone before it ends, not after.
      scene.assertNoProbesLeft();
      assertThat(status.candidates())
          .filteredOn(Candidate::fits)
          .extracting(Candidate::nodeName)
          .contains("n2")
          .doesNotContain("n1");
      assertThat(status.targetNode()).isEqualTo("n2");
      assertThat(status.conditions())
          .filteredOn(c -> c.type().equals("Ready"))
          .singleElement()
          .satisfies(
              c -> {
                assertThat(c.isTrue()).isTrue();
                assertThat(c.reason()).isEqualTo(Reason.CheckPassed.name());
                assertThat(c.message()).contains("n2");
              });
      assertThat(status.progress()).isNull();
      var forecast = status.forecast();
      assertThat(forecast).as("%s", status.conditions()).isNotNull();
      assertThat(forecast.converges()).isTrue();
      assertThat(forecast.throughputMiBps()).isEqualTo(50);
      // It writes 8 MiB/s; a sample of pages finds the order of magnitude.
      assertThat(forecast.dirtyRateMiBps()).isBetween(1L, 30L);
      assertThat(forecast.bytes()).isBetween(32L << 20, 600L << 20);
      scene.assertStayed(boot);

      // The migration goes by what was found, and says afterwards how right that was.
      var moved = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 50\n").awaitSucceeded();
      assertThat(moved.forecast().dirtyRateMiBps()).isEqualTo(forecast.dirtyRateMiBps());
      var error = moved.result().forecastError();
      assertThat(error).as("%s", moved.forecast()).isNotNull();
      assertThat(error.secondsPercent()).isBetween(-90, 200);
      assertThat(error.bytesPercent()).isBetween(-60, 150);
      assertThat(error.downtimePercent()).isNotNull();
      scene.assertMoved(boot);
    }
  }

  @Test
  void allThatIsInTheWayIsToldOfEachHostAtOnce(Testbed testbed) {
    var old = testbed.addHost(HostSettings.defaults().withSuite("bookworm"));
    try {
      theCpuIsComparedByTheTargetsLibvirt(testbed, old);
      var spec = GuestSpec.named("blocked").withMachine("pc-q35-7.2").withDisk(DiskSpec.local(64));
      try (var scene = Scene.onSource(testbed, spec)) {
        var boot = scene.guest().bootId();
        var path = scene.guest().diskPath(0);
        define(old, FOREIGN);
        for (var host : List.of(scene.target(), old)) {
          host.exec("sh", "-c", "echo precious > " + path);
        }
        try {
          var status = scene.migrate("dryRun: true\n").awaitFailed(Reason.NoSuitableTarget);
          assertThat(reasons(status.candidates(), "n2")).containsExactly("VolumeExists");
          assertThat(reasons(status.candidates(), old.name()))
              .containsExactly("DomainExistsOnTarget", "VolumeExists");
          assertThat(status.candidates())
              .allSatisfy(
                  c -> {
                    assertThat(c.fits()).isFalse();
                    assertThat(c.blockers()).allSatisfy(b -> assertThat(b.remedy()).isNotBlank());
                  });
          scene.assertNoProbesLeft();
          assertThat(scene.target().exec("cat", path).out()).contains("precious");

          // What an option needs is asked of each host.
          var zstd = scene.migrate("dryRun: true\ncompression: Zstd\n").awaitEnd();
          assertThat(reasons(zstd.candidates(), "n2")).containsExactly("VolumeExists");
          assertThat(reasons(zstd.candidates(), old.name()))
              .containsExactly("OptionNotSupported", "DomainExistsOnTarget", "VolumeExists");

          // A real one without a named target says the same of each host.
          var real = scene.migrate("storage: Auto\n").awaitFailed(Reason.NoSuitableTarget);
          assertThat(reasons(real.candidates(), old.name()))
              .containsExactly("DomainExistsOnTarget", "VolumeExists");
          scene.guest().awaitRunningOn(scene.source());
          assertThat(scene.guest().bootId()).isEqualTo(boot);
        } finally {
          scene.target().exec("rm", "-f", path);
        }
      }
    } finally {
      testbed.removeHost(old);
    }
  }

  private static void theCpuIsComparedByTheTargetsLibvirt(Testbed testbed, HypervisorHost old) {
    var source = testbed.host("n1");
    define(source, SHA);
    source.virsh("start", "hashing").orThrow();
    try {
      Migration.awaitSeen(testbed, "hashing", "n1");
      var status = Migration.apply(testbed, "hashing", "dryRun: true\n").awaitSucceeded();
      assertThat(status.targetNode()).isEqualTo("n2");
      assertThat(reasons(status.candidates(), old.name())).containsExactly("CpuIncompatible");
      assertThat(status.candidates())
          .filteredOn(c -> !c.fits())
          .singleElement()
          .satisfies(c -> assertThat(c.message()).contains("sha-ni"));
    } finally {
      source.virsh("destroy", "hashing");
      source.virsh("undefine", "hashing");
    }
  }

  private static void define(HypervisorHost host, String xml) {
    host.exec("sh", "-c", "cat > /tmp/check.xml <<'END'\n" + xml + "END\n").orThrow();
    host.virsh("define", "/tmp/check.xml").orThrow();
  }

  private static List<String> reasons(List<Candidate> candidates, String node) {
    return candidates.stream()
        .filter(c -> c.nodeName().equals(node) && c.blockers() != null)
        .flatMap(c -> c.blockers().stream())
        .map(Blocker::reason)
        .toList();
  }
}
