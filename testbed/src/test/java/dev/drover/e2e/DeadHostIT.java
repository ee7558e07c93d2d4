package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A host is lost for good in the midst of a migration, and an admin says so. */
@DroverTestbed
class DeadHostIT {
  private static final String TO_N2 = "target: {nodeName: n2}\n";

  @AfterEach
  void takeBack(Testbed testbed) {
    fence(testbed, "n1", false);
    fence(testbed, "n2", false);
  }

  @Test
  void aSourceThatIsLostInPreCopyIsToldAndTheTargetCleaned(Testbed testbed) {
    var spec = GuestSpec.named("stranded").withDisk(DiskSpec.local(96));
    try (var scene = Scene.onSource(testbed, spec)) {
      scene.guest().fillDisk(0, 80);
      var migration = scene.migrate(TO_N2 + "bandwidthMiBps: 8\n").awaitDiskCopy();
      scene.source().powerOff();

      migration.await("waits for the source's word", DeadHostIT::isStalled);
      fence(testbed, "n1", true);
      var status = migration.awaitFailed(Reason.SourceHostLost);
      assertThat(status.failure().node()).isEqualTo("n1");
      scene.assertTargetClean();
      awaitRunning(testbed, "stranded", "False");

      // A host that is back is not believed to be off, whatever its spec says.
      scene.source().powerOn();
      scene.source().daemon().start();
      awaitReady(testbed, "n1", Reason.FencedHostAlive);
      fence(testbed, "n1", false);
      awaitReady(testbed, "n1", Reason.HeartbeatSeen);
      scene.guest().observer().forget(); // it counts its beats anew
      scene.source().virsh("start", "stranded").orThrow();
      Migration.awaitSeen(testbed, "stranded", "n1");
      scene.migrate(TO_N2).awaitSucceeded();
      scene.guest().awaitRunningOn(scene.target());
      scene.assertOnlyAt(scene.target());
    }
  }

  @Test
  void aTargetThatIsLostLeavesTheGuestWhereItWas(Testbed testbed) {
    var spec = GuestSpec.named("stayer").withDisk(DiskSpec.local(96));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 80);
      var migration = scene.migrate(TO_N2 + "bandwidthMiBps: 8\n").awaitDiskCopy();
      scene.target().powerOff();
      fence(testbed, "n2", true);

      var status = migration.awaitEnd();
      assertThat(status.failure().reason())
          .isIn(Reason.TargetHostLost.name(), Reason.ConnectionToTargetFailed.name());
      scene.guest().awaitRunningOn(scene.source());
      assertThat(scene.guest().bootId()).isEqualTo(boot);
      assertThat(scene.guest().verify().clean()).isTrue();
    }
  }

  @Test
  void aCopyThatIsHeldWhileItsSourceIsLostGoesOn(Testbed testbed) {
    var spec = GuestSpec.named("heir").withDisk(DiskSpec.local(64));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate(TO_N2 + "bandwidthMiBps: 32\n").awaitMemoryCopy();
      // Nobody is left to finish the hand-over; libvirt goes on by itself.
      scene.target().daemon().kill();
      scene.source().daemon().kill();
      Waiting.until(
          "all of the guest is at n2, held",
          () ->
              scene.target().virsh("domstate", "heir", "--reason").out().contains("paused (user)")
                  && scene.guest().qemuOn().equals(List.of(scene.target())));
      scene.source().powerOff();
      scene.target().daemon().start();
      fence(testbed, "n1", true);

      migration.awaitSucceeded();
      scene.guest().awaitRunningOn(scene.target());
      assertThat(scene.guest().bootId()).isEqualTo(boot);
      assertThat(scene.guest().verify().clean()).isTrue();
      assertThat(scene.guest().twoCopiesHeard()).isFalse();
    }
  }

  @Test
  void whatAHostSawThatIsGivenUpCountsNoMoreUntilItIsBack(Testbed testbed) {
    var host = testbed.addHost(HostSettings.defaults());
    var other = testbed.host("n2");
    try (var survivor = new Dormant(testbed, "survivor", host, other).define();
        var lonely = new Dormant(testbed, "lonely", host, other).define()) {
      for (var name : List.of(survivor.name(), lonely.name())) {
        host.virsh("start", name).orThrow();
        Migration.awaitSeen(testbed, name, host.name());
      }
      var xml = host.virsh("dumpxml", "--migratable", survivor.name()).orThrow().out();
      host.powerOff();
      fence(testbed, host.name(), true);
      awaitReady(testbed, host.name(), Reason.HostFenced);
      SplitBrainIT.startByHand(other, xml);
      await(testbed, survivor.name(), "{.status.nodeName}", other.name());

      // As docs/how-to/dead-hosts.md says of a host that never comes back.
      testbed.kubectl("delete", "hvn", host.name()).orThrow();
      await(testbed, lonely.name(), "{.metadata.name}", "");
      await(testbed, survivor.name(), "{.status.nodeName}", other.name());
      awaitCondition(testbed, survivor.name(), ConditionType.SplitBrain, "False");
      Migration.apply(testbed, survivor.name(), "target: {nodeName: n1}\n").awaitSucceeded();

      // It does come back, and what it has is told again.
      host.powerOn();
      host.daemon().start();
      Migration.awaitSeenShutOff(testbed, lonely.name(), host.name());
    } finally {
      testbed.host("n1").virsh("destroy", "survivor");
      testbed.removeHost(host);
    }
  }

  private static boolean isStalled(dev.drover.api.v1alpha1.LiveMigrationStatus status) {
    return status.condition(ConditionType.Stalled).filter(c -> c.isTrue()).isPresent();
  }

  private static void fence(Testbed testbed, String node, boolean fenced) {
    testbed
        .kubectl(
            "patch", "hvn", node, "--type=merge", "-p", "{\"spec\":{\"fenced\":" + fenced + "}}")
        .orThrow();
  }

  private static void awaitReady(Testbed testbed, String node, Reason reason) {
    Waiting.until(
        node + " is " + reason,
        Migration.DEADLINE,
        () ->
            testbed
                .kubectl(
                    "get",
                    "hvn",
                    node,
                    "-o",
                    "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}")
                .out()
                .equals(reason.name()));
  }

  private static void awaitRunning(Testbed testbed, String machine, String status) {
    awaitCondition(testbed, machine, ConditionType.Running, status);
  }

  private static void awaitCondition(
      Testbed testbed, String machine, ConditionType type, String status) {
    Waiting.until(
        "%s: %s is %s".formatted(machine, type, status),
        Migration.DEADLINE,
        () -> Migration.machineCondition(testbed, machine, type).equals(status));
  }

  /** {@code value}: of that path in the VirtualMachine; empty also if there is none. */
  private static void await(Testbed testbed, String machine, String path, String value) {
    Waiting.until(
        "%s: %s is '%s'".formatted(machine, path, value),
        Migration.DEADLINE,
        () -> Migration.machine(testbed, machine, path).equals(value));
  }
}
