package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.storage.StorageServer;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The cells of docs/reference/storage.md beyond {@link StorageIT}'s, on real storage. */
@DroverTestbed
class StorageKindsIT {
  private static final String TO_N2 = "target: {nodeName: n2}\n";

  @Test
  void anIscsiVolumeStaysBesideALocalDiskThatIsCopied(Testbed testbed) {
    networkVolumeStays(testbed, StorageServer.Protocol.iscsi);
  }

  @Test
  void aCephVolumeStaysBesideALocalDiskThatIsCopied(Testbed testbed) {
    networkVolumeStays(testbed, StorageServer.Protocol.rbd);
  }

  private static void networkVolumeStays(Testbed testbed, StorageServer.Protocol protocol) {
    var spec =
        GuestSpec.named("on" + protocol)
            .withDisk(DiskSpec.network(protocol))
            .withDisk(DiskSpec.local(48))
            .writing(1);
    try (var server = testbed.storage(protocol, 64);
        var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var status = scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(status.target().copies()).extracting(d -> d.target()).containsExactly("vdb");
      backShutOff(scene.reversed());
    }
  }

  private static void backShutOff(Scene scene) {
    var migration = scene.migrate("target: {nodeName: n1}\nmode: Cold\nshutdown: Graceful\n");
    migration.await("the guest is off", s -> s.progress() != null || s.result() != null);
    scene.guest().observer().forget();
    var status = migration.awaitSucceeded();
    scene.guest().awaitBooted().awaitRunningOn(scene.target());
    assertThat(status.target().copies()).extracting(d -> d.target()).containsExactly("vdb");
  }

  /** All that stays, and both CD-ROM drives, in one guest. */
  @Test
  void disksThatAreNeverCopiedStay(Testbed testbed) {
    var spec =
        GuestSpec.named("staying")
            .withDisk(DiskSpec.local(48))
            .withDisk(DiskSpec.shared(16).asReadOnly())
            .withDisk(DiskSpec.shared(16).asShareable())
            .withDisk(DiskSpec.cdrom("shared"))
            .withDisk(DiskSpec.emptyCdrom())
            .writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var status = scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(status.target().copies()).extracting(d -> d.target()).containsExactly("vda");
      assertThat(scene.target().virsh("domblklist", "staying").out())
          .contains("vda", "vdb", "vdc", "sdd", "sde")
          .contains("/mnt/shared/staying-3.raw");
    }
  }

  /** One guest, each of these disks alone in its way. */
  @Test
  void disksThatTheTargetCanNotReachAreRefused(Testbed testbed) {
    var disks =
        Map.of(
            "readonly", DiskSpec.local(16).asReadOnly(),
            "shareable", DiskSpec.local(16).asShareable(),
            "medium", DiskSpec.cdrom("default"));
    for (var disk : disks.entrySet()) {
      var spec = GuestSpec.named(disk.getKey()).withDisk(disk.getValue());
      try (var scene = Scene.onSource(testbed, spec)) {
        var boot = scene.guest().bootId();
        scene.migrate(TO_N2).awaitFailed(Reason.StorageNotShared);
        scene.assertStayed(boot);
      }
    }
  }

  @Test
  void anOverlayIsRefusedAsLongAsItStandsOnItsBase(Testbed testbed) {
    var base = Scene.OWN_POOL + "/base.qcow2";
    var source = testbed.host("n1");
    source.exec("qemu-img", "create", "-f", "qcow2", base, "48M").orThrow();
    var spec = GuestSpec.named("overlay").withDisk(DiskSpec.local(48).over(base)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2).awaitFailed(Reason.BackingChainNotSupported);
      scene.assertStayed(boot);
      // What the message says helps: the chain is flattened, and the guest moves.
      scene.source().virsh("blockpull", "overlay", "vda", "--wait").orThrow();
      scene.migrate(TO_N2).awaitSucceeded();
      scene.assertMoved(boot);
    } finally {
      source.exec("rm", "-f", base);
    }
  }

  @Test
  void ofTwoDisksOnlyTheNamedOneIsCopied(Testbed testbed) {
    var spec =
        GuestSpec.named("named")
            .withDisk(DiskSpec.local(48))
            .withDisk(DiskSpec.shared(48))
            .writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2 + "disks: [vda, vdx]\n").awaitFailed(Reason.DiskNotFound);
      scene.migrate(TO_N2 + "disks: [vda, vdb]\n").awaitFailed(Reason.StorageIsShared);
      scene.assertStayed(boot);
      var status = scene.migrate(TO_N2 + "disks: [vda]\n").awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(status.target().copies()).extracting(d -> d.target()).containsExactly("vda");
    }
  }
}
