package dev.drover.testbed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.guest.Verification;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/**
 * The testbed without Drover: what the other end-to-end tests rely on, with libvirt's own
 * migrations.
 */
@DroverTestbed(hosts = 2, drover = false)
class TestbedIT {

  private static final Duration MIGRATION_DEADLINE = Duration.ofMinutes(3);

  @Test
  void aGuestWithALocalDiskMovesByBlockCopyAndLosesNothing(Testbed testbed) {
    HypervisorHost source = testbed.host("n1");
    HypervisorHost target = testbed.host("n2");
    Guest guest =
        testbed.guest(
            GuestSpec.named("block").withDisk(DiskSpec.local(256)).dirtying(32, 8).writing(1));
    guest.start(source).awaitBooted();
    guest.fillDisk(0, 64);
    String bootId = guest.bootId();
    Instant before = Instant.now();
    target
        .virsh("vol-create-as", "default", "block-0.qcow2", "256MiB", "--format", "qcow2")
        .orThrow();

    migrate("block", source, target, "--copy-storage-all");

    guest.awaitRunningOn(target);
    assertThat(guest.twoCopiesHeard()).isFalse();
    assertThat(guest.longestSilence(before))
        .isBetween(Duration.ofMillis(15), Duration.ofSeconds(20));
    assertThat(guest.bootId()).isEqualTo(bootId);
    assertThat(guest.state(source)).isEqualTo("absent");
    assertThat(source.qemuPid("block")).isEmpty();
    Verification verification = guest.verify();
    assertThat(verification.clean()).as("%s", verification).isTrue();
    assertThat(verification.memoryPages()).isEqualTo(32 * 256);
    assertThat(verification.disks().getFirst().blocks()).isGreaterThanOrEqualTo(64 * 256);
    guest.powerOff();
    assertThat(guest.checkOffline(target, 0)).isEqualTo(verification.disks().getFirst());
  }

  @Test
  void aSharedDiskIsTakenForSharedByLibvirt(Testbed testbed) {
    HypervisorHost source = testbed.host("n1");
    HypervisorHost target = testbed.host("n2");
    Guest guest = testbed.guest(GuestSpec.named("shared").withDisk(DiskSpec.shared(64)).writing(1));
    guest.start(source).awaitBooted();
    guest.fillDisk(0, 8);

    migrate("shared", source, target);
    guest.awaitRunningOn(target);
    migrate("shared", target, source);
    guest.awaitRunningOn(source);

    assertThat(guest.verify().clean()).isTrue();
    assertThat(guest.twoCopiesHeard()).isFalse();
  }

  @Test
  void hostsCanBeCutKilledAndSwitchedOff(Testbed testbed) {
    HypervisorHost host = testbed.host("n1");
    HypervisorHost peer = testbed.host("n2");
    Guest guest = testbed.guest(GuestSpec.named("faults"));
    guest.start(host).awaitBooted();

    host.cut();
    assertThat(
            peer.exec("bash", "-c", "timeout 1 bash -c '</dev/tcp/" + host.ip() + "/16509'")
                .exitCode())
        .isNotZero();
    host.heal();
    host.libvirtd().kill();
    assertThat(host.qemuPid("faults")).isPresent();
    host.libvirtd().start();
    assertThat(guest.state(host)).isEqualTo("running");
    // One that still seems to run when it is to be started, and is gone then.
    host.libvirtd().pause();
    var start = CompletableFuture.runAsync(host.libvirtd()::start);
    Waiting.until("libvirtd is asked", () -> asked(host));
    host.libvirtd().kill();
    start.join();
    assertThat(guest.state(host)).isEqualTo("running");
    host.powerOff();
    assertThat(host.processes()).isEmpty();
    host.powerOn();

    assertThat(guest.state(host)).isEqualTo("shut off");
    assertThat(host.virsh("pool-list", "--name").out().lines().map(String::strip))
        .contains("default", "shared", "tiny");
  }

  private static boolean asked(HypervisorHost host) {
    return host.processes().stream()
        .anyMatch(process -> process.arguments().getFirst().endsWith("virsh"));
  }

  private static void migrate(
      String guest, HypervisorHost source, HypervisorHost target, String... flags) {
    String line =
        "migrate %s qemu+tcp://%s/system --live --p2p --persistent --undefinesource --migrateuri tcp://%s %s"
            .formatted(guest, target.ip(), target.ip(), String.join(" ", flags));
    Command.Result result = source.virsh(MIGRATION_DEADLINE, line);
    assertThat(result.succeeded()).as(result.err()).isTrue();
  }
}
