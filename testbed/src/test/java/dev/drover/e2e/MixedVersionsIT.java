package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * A host of libvirt 9.0 and QEMU 7.2 (n3) beside one of 11.3 and 10.0 (n2), as in the midst of a
 * rolling upgrade.
 */
@DroverTestbed
class MixedVersionsIT {
  private static final HostSettings OLD = HostSettings.defaults().withSuite("bookworm");
  private static final String OLD_MACHINE = "pc-q35-7.2";
  private static final String NEW_MACHINE = "pc-q35-10.0";
  private static final int CAP_MEBIBYTES = 16;

  @Test
  void guestsMoveBothWaysWhereTheMachineTypeAllows(Testbed testbed) {
    var old = testbed.addHost(OLD);
    var recent = testbed.host("n2");
    try {
      assertThat(old.virsh("version").out()).contains("libvirt 9.0", "QEMU 7.2");
      assertThat(recent.virsh("version").out()).contains("libvirt 11.3", "QEMU 10.0");
      // It writes nothing on its way: under TCG, QEMU 7.2 loses what a guest dirties meanwhile.
      var spec = GuestSpec.named("mixed").withMachine(OLD_MACHINE).withDisk(DiskSpec.local(32));
      try (var there = Scene.between(testbed, spec, old, recent)) {
        var boot = there.guest().bootId();
        there.guest().fillDisk(0, 8);
        var status = there.migrate("target: {nodeName: n2}\n").awaitSucceeded();
        assertThat(status.result().commit()).isEqualTo("Fenced");
        there.assertMoved(boot);
        var back = there.reversed();
        assertThat(back.migrate("target: {nodeName: n3}\n").awaitSucceeded().result().commit())
            .isEqualTo("Fenced");
        back.assertMoved(boot);
        theCapHolds(back.reversed());
      }
      aGuestIsShutDownAndStartedOnTheOldHost(testbed, recent, old);
      aGuestThatIsShutOffMovesThoughLibvirtDies(testbed, old, recent);
      var tooNew = GuestSpec.named("toonew").withMachine(NEW_MACHINE).withDisk(DiskSpec.local(32));
      try (var scene = Scene.between(testbed, tooNew, recent, old)) {
        var boot = scene.guest().bootId();
        var status =
            scene.migrate("target: {nodeName: n3}\n").awaitFailed(Reason.MachineTypeUnsupported);
        assertThat(status.failure().message()).contains(NEW_MACHINE);
        scene.assertStayed(boot);
      }
    } finally {
      testbed.removeHost(old);
    }
  }

  /**
   * One that has not been on QEMU 7.2 yet: what wrote to memory on its way from there may be dead.
   */
  private static void aGuestIsShutDownAndStartedOnTheOldHost(
      Testbed testbed, HypervisorHost recent, HypervisorHost old) {
    var spec = GuestSpec.named("cooled").withMachine(OLD_MACHINE).withDisk(DiskSpec.local(32));
    try (var scene = Scene.between(testbed, spec, recent, old)) {
      var migration = scene.migrate("target: {nodeName: n3}\nmode: Cold\nshutdown: Graceful\n");
      migration.await(
          "the guest is off", s -> s.progress() != null || s.phaseValue() == Phase.Commitment);
      scene.guest().observer().forget();
      migration.awaitSucceeded();
      scene.guest().awaitBooted().awaitRunningOn(scene.target());
      scene.assertOnlyAt(scene.target());
    }
  }

  private static void aGuestThatIsShutOffMovesThoughLibvirtDies(
      Testbed testbed, HypervisorHost old, HypervisorHost recent) {
    try (var there = new Dormant(testbed, "upgraded", old, recent).withLocalDisk(32).define()) {
      var digests = there.digests(old);
      DefinitionFault.SourceBetween.strike(there).awaitSucceeded();
      there.assertMoved(digests);
      var back = there.reversed();
      DefinitionFault.TargetBetween.strike(back).awaitSucceeded();
      back.assertMoved(digests);
    }
  }

  /** The old libvirt can't re-tune its mirrors: its cap is an even split from the start. */
  private static void theCapHolds(Scene scene) {
    scene.guest().fillDisk(0, 32);
    var migration =
        scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: " + CAP_MEBIBYTES + "\n");
    migration.awaitReached(Phase.PreCopy);
    long busiest = busiestBytesPerSecond(scene, migration);
    migration.awaitSucceeded();
    System.out.printf(
        "cap %d MiB/s on libvirt 9.0: at most %.1f MiB/s on the wire%n",
        CAP_MEBIBYTES, busiest / (double) (1 << 20));
    assertThat(busiest).isPositive().isLessThan((long) (CAP_MEBIBYTES * 1.1 * (1 << 20)));
    scene.assertOnlyAt(scene.target());
  }

  /**
   * Over any five seconds: QEMU mirrors in steps of 16 MiB at full speed with pauses in between.
   */
  private static long busiestBytesPerSecond(Scene scene, Migration migration) {
    long busiest = 0;
    while (!migration.phase().isTerminal()) {
      long from = scene.source().sentBytes();
      long started = System.nanoTime();
      LockSupport.parkNanos(Duration.ofSeconds(5).toNanos());
      long sent = scene.source().sentBytes() - from;
      busiest = Math.max(busiest, sent * 1_000_000_000L / (System.nanoTime() - started));
    }
    return busiest;
  }
}
