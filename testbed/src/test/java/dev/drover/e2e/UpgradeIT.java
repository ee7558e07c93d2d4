package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Waiting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * From an earlier version to this one and back, chart and images, while a guest moves: what one
 * version has begun the other one brings to its end.
 */
@DroverTestbed(nodes = true)
@Order(DroverTestbed.LAST)
class UpgradeIT {

  @Test
  void whatTheVersionBeforeHasBegunThisOneEndsAndTheOtherWayRound(
      Testbed testbed, @TempDir Path keys) {
    var previous = Recipes.previous();
    assumeTrue(previous.isPresent(), "the earlier version is built from the history");
    var before = testbed.release(previous.get());
    testbed.release().uninstall();
    // Its hosts had to bring their own certificates.
    bringTheirOwnCertificates(testbed.hosts(), keys);
    before.install(Map.of());
    before.awaitRollout();
    var spec = GuestSpec.named("carried").withDisk(DiskSpec.local(96)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 64);
      var earlier = versions(testbed);
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 1\n");
      migration.awaitDiskCopy();
      testbed.release().upgrade(Map.of());
      testbed.release().awaitRollout();
      assertThat(versions(testbed)).hasSize(1).doesNotContainAnyElementsOf(earlier);
      endsWell(migration);
      scene.assertMoved(boot);

      for (var host : testbed.hosts()) {
        Waiting.until(
            host.name() + " says that its certificates are good, and not Drover's",
            () ->
                NodeStatus.of(testbed, host)
                    .condition(ConditionType.CertificatesReady)
                    .filter(Condition::isTrue)
                    .map(c -> String.valueOf(c.message()))
                    .filter(message -> message.contains(Reason.CertificateForeign.name()))
                    .isPresent());
      }

      // By those certificates, as before.
      var back = scene.reversed();
      var way = back.migrate("target: {nodeName: n1}\nbandwidthMiBps: 1\n");
      way.awaitDiskCopy();
      testbed.release().rollBack();
      testbed.release().awaitRollout();
      assertThat(versions(testbed)).isEqualTo(earlier);
      endsWell(way);
      back.assertMoved(boot);
    } finally {
      testbed.hosts().forEach(UpgradeIT::removeCertificates);
      testbed.release().upgrade(Map.of());
      testbed.release().awaitRollout();
      for (var host : testbed.hosts()) {
        Waiting.until(
            host.name() + " has certificates of the chart's CA again",
            () -> host.exec("test", "-r", "/etc/pki/libvirt/servercert.pem").succeeded());
        host.libvirtd().restart();
      }
    }
  }

  /** It did not end before the other version took over, and it ends now. */
  private static void endsWell(Migration migration) {
    assertThat(migration.phase().isTerminal()).as("it ended before the change did").isFalse();
    assertThat(migration.patchSpec("{\"bandwidthMiBps\": null}").succeeded()).isTrue();
    var status = migration.awaitSucceeded();
    assertThat(status.phases()).extracting(p -> p.phase()).doesNotHaveDuplicates();
  }

  /** The tags of the images that Drover's pods run. */
  private static List<String> versions(Testbed testbed) {
    return testbed.release().pods().stream()
        .map(pod -> pod.getSpec().getContainers().getFirst().getImage())
        .map(image -> image.substring(image.lastIndexOf(':') + 1))
        .distinct()
        .toList();
  }

  private static void bringTheirOwnCertificates(List<HypervisorHost> hosts, Path keys) {
    var pki = new Pki(keys);
    pki.authority("hosts");
    for (var host : hosts) {
      removeCertificates(host);
      pki.certificate(host.name(), "hosts", host.ip(), 30);
      pki.install(host, "hosts", host.name());
      host.libvirtd().restart();
    }
  }

  private static void removeCertificates(HypervisorHost host) {
    host.exec(
            "sh",
            "-c",
            "cd /etc/pki && rm -rf CA/cacert.pem libvirt/*.pem libvirt/private/*.pem qemu/*.pem qemu/drover")
        .orThrow();
  }
}
