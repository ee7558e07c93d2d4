package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.storage.StorageServer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The cells of docs/reference/storage.md beyond {@link StorageIT}'s, on real storage. */
@DroverTestbed
class StorageKindsIT {
  private static final String TO_N2 = "target: {nodeName: n2}\n";
  private static final String BASE = Scene.OWN_POOL + "/base.qcow2";

  @Test
  void anIscsiVolumeStaysAndIsCopiedIfItIsNamed(Testbed testbed) {
    networkVolume(testbed, StorageServer.Protocol.iscsi);
  }

  @Test
  void aCephVolumeStaysAndIsCopiedIfItIsNamed(Testbed testbed) {
    networkVolume(testbed, StorageServer.Protocol.rbd);
  }

  private static void networkVolume(Testbed testbed, StorageServer.Protocol protocol) {
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

      var home = scene.reversed();
      backShutOff(home);

      boot = scene.guest().bootId();
      var there = home.reversed();
      var both = "target: {nodeName: n2}\ndisks: [vda, vdb]\n";
      var refused = there.migrate(both).awaitFailed(Reason.DiskNotMovable);
      assertThat(refused.failure().message()).contains("spec.copyPool");
      copyPool(testbed, "\"default\"");
      there.migrate(both).awaitSucceeded();
      there.assertMoved(boot);
      var copy = spec.name() + "-vda.raw";
      assertThat(there.target().virsh("dumpxml", spec.name()).out())
          .contains("volume='" + copy + "'")
          .doesNotContain("protocol='" + protocol + "'");

      // From now on it is a disk like any other.
      var again = there.reversed();
      again.migrate("target: {nodeName: n1}\n").awaitSucceeded();
      again.assertMoved(boot);
      assertThat(again.source().files(Scene.OWN_POOL)).doesNotContain(copy);
      assertThat(again.target().files(Scene.OWN_POOL)).contains(copy);
    } finally {
      copyPool(testbed, "null");
      for (var host : List.of("n1", "n2")) {
        testbed.host(host).exec("rm", "-f", "%s/%s-vda.raw".formatted(Scene.OWN_POOL, spec.name()));
      }
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

  private static void copyPool(Testbed testbed, String json) {
    testbed
        .kubectl(
            "patch",
            "hvn",
            "n2",
            "--type=merge",
            "-p",
            "{\"spec\":{\"copyPool\":%s}}".formatted(json))
        .orThrow();
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

  /** To libvirt 11.3, and back from there to 9.0; on another base, or none, it stays. */
  @Test
  void anOverlayMovesToTheSameBaseOrWithAllOfIt(Testbed testbed) {
    var source = testbed.host("n1");
    var target = testbed.host("n2");
    var old = testbed.addHost(HostSettings.defaults().withSuite("bookworm"));
    image(source, BASE, 7);
    var spec =
        GuestSpec.named("overlay")
            .withMachine("pc-q35-7.2")
            .withDisk(DiskSpec.local(48).over(BASE))
            .withDisk(DiskSpec.local(16));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 8);
      scene.migrate(TO_N2).awaitFailed(Reason.BackingChainNotSupported);
      image(target, BASE, 8); // of the same name and size, and not the same
      var refused = scene.migrate(TO_N2).awaitFailed(Reason.BackingChainNotSupported);
      assertThat(refused.failure().message()).contains("has other content here");
      target.exec("rm", BASE).orThrow();
      scene.assertStayed(boot);

      image(target, BASE, 7);
      var status = scene.migrate(TO_N2).awaitSucceeded();
      assertThat(status.target().copies().getFirst().base().volume()).isEqualTo("base.qcow2");
      assertThat(images(target)).contains("backing file: " + BASE);
      movedWithItsBase(scene, boot);

      image(old, BASE, 7);
      var there = scene.reversed().onwards(old);
      there.migrate("target: {nodeName: %s}\n".formatted(old.name())).awaitSucceeded();
      assertThat(images(old)).contains("backing file: " + BASE);
      movedWithItsBase(there, boot);
      var whole = there.reversed().onwards(target);
      whole.migrate(TO_N2 + "storage: Block\n").awaitSucceeded();
      assertThat(images(target)).doesNotContain("backing file");
      movedWithItsBase(whole, boot);
    } finally {
      source.exec("rm", "-f", BASE);
      target.exec("rm", "-f", BASE);
      testbed.removeHost(old);
    }
  }

  /** A backing file that is read-only to all, on storage that both hosts mount. */
  @Test
  void anOverlayOnASharedBaseIsCopiedAlone(Testbed testbed) {
    var source = testbed.host("n1");
    var base = "/mnt/shared/base.qcow2";
    image(source, base, 9);
    var spec = GuestSpec.named("thin").withDisk(DiskSpec.local(48).over(base)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var status = scene.migrate(TO_N2).awaitSucceeded();
      assertThat(status.target().copies().getFirst().base().pool()).isEqualTo("shared");
      scene.assertMoved(boot);
    } finally {
      source.exec("rm", "-f", base);
    }
  }

  /** 4 MiB of it, beyond what the guest's program writes, are {@code pattern}. */
  private static void image(HypervisorHost host, String path, int pattern) {
    host.exec("qemu-img", "create", "-q", "-f", "qcow2", path, "48M").orThrow();
    host.exec("qemu-io", "-c", "write -P %d 40M 4M".formatted(pattern), path).orThrow();
    host.virsh("pool-refresh default; pool-refresh shared").orThrow();
  }

  private static String images(HypervisorHost host) {
    return host.exec("qemu-img", "info", "-U", Scene.OWN_POOL + "/overlay-0.qcow2").orThrow().out();
  }

  /** The guest finds what it has written, and its disk what the base had. */
  private static void movedWithItsBase(Scene scene, String boot) {
    scene.assertMoved(boot);
    assertThat(
            scene
                .target()
                .exec(
                    "qemu-io",
                    "-r",
                    "-U",
                    "-c",
                    "read -P 7 40M 4M",
                    Scene.OWN_POOL + "/overlay-0.qcow2")
                .out())
        .contains("read 4194304/4194304")
        .doesNotContain("Pattern verification failed");
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
