package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.junit.DroverTestbed;
import org.junit.jupiter.api.Test;

/** What becomes of each kind of disk, and of what a definition says of its host. */
@DroverTestbed
class ColdKindsIT {
  private static final String BRIDGE_OF_N1 = "br-office";
  private static final String BRIDGE_OF_N2 = "br-rack";
  private static final String CDROM =
      """
      <disk type='file' device='cdrom'>%s<target dev='%s' bus='sata'/><readonly/></disk>
      """;
  private static final String NETWORK_VOLUME =
      """
      <disk type='network' device='disk'>
        <driver name='qemu' type='raw'/>
        <source protocol='iscsi' name='iqn.2026-01.dev.drover:x/1'><host name='10.98.0.254'/></source>
        <target dev='vdz' bus='virtio'/>
      </disk>
      """;

  @Test
  void whatIsLocalIsCopiedAndTheDefinitionIsTrueOfTheTarget(Testbed testbed) {
    var source = testbed.host("n1");
    var target = testbed.host("n2");
    source.addGuestBridge(BRIDGE_OF_N1);
    target.addGuestBridge(BRIDGE_OF_N2);
    try (var guest =
        new Dormant(testbed, "bound", source, target)
            .withLocalDisk(3)
            .withSharedDisk("")
            .withSharedDisk("<readonly/>")
            .withSharedDisk("<shareable/>")
            .withDevice(NETWORK_VOLUME)
            .withDevice(CDROM.formatted("", "sda"))
            .withFirmwareVariables()
            .withDevice(
                """
                <interface type='bridge'><source bridge='%s'/><model type='virtio'/></interface>
                <graphics type='vnc' port='-1' autoport='yes' passwd='secret12'>
                  <listen type='address' address='%s'/>
                </graphics>
                """
                    .formatted(BRIDGE_OF_N1, source.ip()))
            .define()) {
      source.virsh("autostart", "bound").orThrow();
      var digests = guest.digests(source);

      guest.migrate("").awaitFailed(Reason.NetworkMissing);
      guest.assertStayed(digests);

      bridges(testbed, "[{\"guest\": \"br-office\", \"host\": \"br-rack\"}]");
      var check = guest.migrate("dryRun: true\n").awaitSucceeded();
      assertThat(check.candidates()).filteredOn(Candidate::fits).isNotEmpty();
      guest.assertStayed(digests);

      var status = guest.migrate("storage: Shared\n").awaitFailed(Reason.StorageNotShared);
      assertThat(status.failure().message()).contains("vda").doesNotContain("nvram");

      status = guest.migrate("disks: [vda]\n").awaitSucceeded();
      assertThat(status.target().copies())
          .extracting(d -> d.target())
          .containsExactly("vda", "nvram");
      guest.assertMoved(digests);
      assertThat(target.virsh("dumpxml", "bound", "--security-info").out())
          .contains(">me</o:who>", "passwd='secret12'")
          .contains("bridge='" + BRIDGE_OF_N2 + "'", "address='" + target.ip() + "'")
          .contains("iqn.2026-01.dev.drover:x", "/mnt/shared/bound-3.raw", "sda")
          .doesNotContain(BRIDGE_OF_N1, source.ip() + "'");
      assertThat(target.virsh("dominfo", "bound").out()).containsPattern("Autostart: +enable");
    } finally {
      bridges(testbed, "null");
      source.removeGuestBridge(BRIDGE_OF_N1);
      target.removeGuestBridge(BRIDGE_OF_N2);
    }
  }

  @Test
  void ofAGuestOnSharedStorageOnlyTheDefinitionMoves(Testbed testbed) {
    try (var guest =
        new Dormant(testbed, "light", testbed.host("n1"), testbed.host("n2"))
            .withSharedDisk("")
            .define()) {
      long before = guest.source().sentBytes();
      var status = guest.migrate("").awaitSucceeded();
      assertThat(guest.source().sentBytes() - before).isLessThan(1 << 20);
      assertThat(status.target().copies()).isEmpty();
      guest.assertMoved("");
      assertThat(guest.target().files("/mnt/shared")).contains("light-0.raw");
    }
  }

  /** All at once, as a dry run tells. */
  @Test
  void whatIsNeverCopiedIsRefused(Testbed testbed) {
    var source = testbed.host("n1");
    try (var guest = new Dormant(testbed, "stuck", source, testbed.host("n2"))) {
      var own = Scene.OWN_POOL + "/stuck-";
      for (var file : new String[] {"base", "readonly", "shareable", "medium"}) {
        source.exec("truncate", "-s", "1M", own + file).orThrow();
      }
      source
          .exec("qemu-img", "create", "-f", "qcow2", "-b", own + "base", "-F", "raw", own + "over")
          .orThrow();
      guest
          .withDisk(own + "readonly", "raw", "<readonly/>")
          .withDisk(own + "shareable", "raw", "<shareable/>")
          .withDisk(own + "over", "qcow2", "")
          .withDevice(CDROM.formatted("<source file='" + own + "medium'/>", "sda"))
          .define();
      var status = guest.migrate("dryRun: true\n").awaitFailed(Reason.StorageNotShared);
      assertThat(status.candidates())
          .singleElement()
          .extracting(Candidate::blockers)
          .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.list(Blocker.class))
          .extracting(Blocker::message)
          .satisfiesExactlyInAnyOrder(
              m -> assertThat(m).contains("disk vda", "share it"),
              m -> assertThat(m).contains("disk vdb", "share it"),
              m -> assertThat(m).contains("disk vdc", "backing file"),
              m -> assertThat(m).contains("disk sda", "share it"));
      assertThat(source.virsh("dominfo", "stuck").out()).containsPattern("State: +shut off");
    } finally {
      source.exec("sh", "-c", "rm -f " + Scene.OWN_POOL + "/stuck-*");
    }
  }

  private static void bridges(Testbed testbed, String json) {
    testbed
        .kubectl(
            "patch", "hvn", "n2", "--type=merge", "-p", "{\"spec\":{\"bridges\":" + json + "}}")
        .orThrow();
  }
}
