package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.guest.HostTies;
import dev.drover.testbed.guest.PingGap;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import org.junit.jupiter.api.Test;

/** What a definition says of its host is true of the target afterwards, or the guest stays. */
@DroverTestbed
class DefinitionIT {
  private static final String TO_N2 = "target: {nodeName: n2}\n";
  private static final String BRIDGE_OF_N1 = "br-office";
  private static final String BRIDGE_OF_N2 = "br-rack";
  private static final String GUEST_ADDRESS = "10.98.0.201";

  @Test
  void theDefinitionIsTrueOfTheTargetAndTheGuestIsFoundAtOnce(Testbed testbed) {
    var source = testbed.host("n1");
    var target = testbed.host("n2");
    source.addGuestBridge(BRIDGE_OF_N1);
    target.addGuestBridge(BRIDGE_OF_N2);
    var spec =
        GuestSpec.named("wired")
            .inNamespace(Migration.NAMESPACE)
            .withDisk(DiskSpec.local(32))
            .tiedBy(
                HostTies.NONE
                    .onBridge(BRIDGE_OF_N1, GUEST_ADDRESS)
                    .listeningOn(source.ip())
                    .pinnedTo("0"));
    try (var scene = Scene.onSource(testbed, spec)) {
      source.virsh("autostart", "wired").orThrow();
      source
          .virsh(
              "metadata",
              "wired",
              "urn:owner",
              "--key",
              "o",
              "--set",
              "<who>me</who>",
              "--config",
              "--live")
          .orThrow();
      var boot = scene.guest().bootId();

      scene.migrate(TO_N2).awaitFailed(Reason.NetworkMissing);
      scene.assertStayed(boot);

      bridges(testbed, "[{\"guest\": \"br-office\", \"host\": \"br-rack\"}]");
      PingGap.Result gap;
      try (var ping = PingGap.of(GUEST_ADDRESS)) {
        ping.awaitAnswer();
        scene.migrate(TO_N2).awaitSucceeded();
        scene.assertMoved(boot);
        gap = ping.stop();
      }
      System.out.printf("ping from outside: %s%n", gap);
      assertThat(gap.longestMilliseconds()).isLessThan(5_000);

      for (String options : new String[] {"", "--inactive"}) {
        var xml =
            target.virsh("dumpxml", "wired", options.isEmpty() ? "--security-info" : options).out();
        assertThat(xml)
            .contains("<name>wired</name>", ">me</o:who>", "namespace=\"default\"")
            .contains("bridge='" + BRIDGE_OF_N2 + "'")
            .contains("host='" + target.ip() + "'")
            .contains("address='" + target.ip() + "'")
            .contains("cpuset='0'")
            .doesNotContain(BRIDGE_OF_N1, source.ip() + "'");
      }
      assertThat(target.virsh("dominfo", "wired").out()).containsPattern("Autostart: +enable");
    } finally {
      bridges(testbed, "null");
      source.removeGuestBridge(BRIDGE_OF_N1);
      target.removeGuestBridge(BRIDGE_OF_N2);
    }
  }

  /** Refused, re-mapped or dropped, as the policy says, and told each time. */
  @Test
  void pinsThatTheTargetLacksGoByPolicy(Testbed testbed) {
    var spec = GuestSpec.named("pinned").tiedBy(HostTies.NONE.pinnedTo("0-255"));
    int cpus = Runtime.getRuntime().availableProcessors();
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate(TO_N2).awaitFailed(Reason.PinningMismatch);
      scene.assertStayed(boot);

      // Of these CPUs the source has but a few, and the target has as many.
      var remapped = scene.migrate(TO_N2 + "pins: Remap\n").awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(remapped.target().pinning().dropsAll()).isFalse();
      assertPins(scene.target(), "cpuset='0-%d'".formatted(cpus - 1));

      var back = scene.reversed();
      var dropped = back.migrate("target: {nodeName: n1}\npins: Drop\n").awaitSucceeded();
      back.assertMoved(boot);
      assertThat(dropped.target().pinning().dropsAll()).isTrue();
      assertThat(dropped.target().nodeName()).isEqualTo("n1");
      assertPins(back.target(), "<vcpu placement='static'>1</vcpu>");
    }
  }

  /** In the running definition, in that of the next start, and of QEMU's own threads. */
  private static void assertPins(HypervisorHost host, String text) {
    assertThat(host.virsh("dumpxml", "pinned").out()).contains(text);
    assertThat(host.virsh("dumpxml", "pinned", "--inactive").out()).contains(text);
  }

  private static void bridges(Testbed testbed, String json) {
    testbed
        .kubectl(
            "patch", "hvn", "n2", "--type=merge", "-p", "{\"spec\":{\"bridges\":" + json + "}}")
        .orThrow();
  }
}
