package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.Waiting;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A guest on a host (n1) with the cluster watching, and what must hold of both hosts afterwards.
 * Closing it removes the guest.
 */
final class Scene implements AutoCloseable {
  static final String OWN_POOL = "/var/lib/libvirt/images";

  private final Testbed testbed;
  private final Guest guest;
  private final HypervisorHost source;
  private final HypervisorHost target;
  private final Set<String> targetFilesBefore;

  private Scene(Testbed testbed, Guest guest, HypervisorHost source, HypervisorHost target) {
    this.testbed = testbed;
    this.guest = guest;
    this.source = source;
    this.target = target;
    this.targetFilesBefore = new TreeSet<>(target().files(OWN_POOL));
  }

  /** The guest is booted on n1, and seen there by Drover. */
  static Scene onSource(Testbed testbed, GuestSpec spec) {
    return between(testbed, spec, testbed.host("n1"), testbed.host("n2"));
  }

  /** The guest is booted on {@code source}, and seen there by Drover. */
  static Scene between(
      Testbed testbed, GuestSpec spec, HypervisorHost source, HypervisorHost target) {
    var guest = testbed.guest(spec);
    guest.start(source);
    if (!spec.startsPaused()) {
      guest.awaitBooted();
    }
    var scene = new Scene(testbed, guest, source, target);
    Migration.awaitSeen(testbed, spec.name(), source.name());
    return scene;
  }

  /** The same guest, once it has moved, on its way back. */
  Scene reversed() {
    Migration.awaitSeen(testbed, guest.name(), target.name());
    return new Scene(testbed, guest, target, source);
  }

  /** The same guest where it is, on its way to another host. */
  Scene onwards(HypervisorHost next) {
    return new Scene(testbed, guest, source, next);
  }

  Guest guest() {
    return guest;
  }

  HypervisorHost source() {
    return source;
  }

  HypervisorHost target() {
    return target;
  }

  Migration migrate(String spec) {
    return Migration.apply(testbed, guest.name(), spec);
  }

  /**
   * Returns in post-copy; its memory follows slowly, so that there is time for something to happen.
   */
  Migration switchToPostCopy() {
    var migration =
        migrate(
            """
            target: {nodeName: n2}
            bandwidthMiBps: 6
            maxDowntimeMilliseconds: 50
            postCopy: Allowed
            commit: Direct
            """);
    migration.awaitMemoryCopy();
    assertThat(migration.patchSpec("{\"switchover\":\"PostCopy\"}").exitCode()).isZero();
    migration.awaitPhase(Phase.PostCopy);
    return migration;
  }

  /**
   * The guest beats at the target, from the same boot, with all of its memory and disks; nothing is
   * left behind.
   */
  void assertMoved(String bootIdBefore) {
    guest.awaitRunningOn(target());
    assertThat(guest.bootId()).isEqualTo(bootIdBefore);
    assertOnlyAt(target());
    var verification = guest.verify();
    assertThat(verification.clean()).as("%s", verification).isTrue();
    assertNoProbesLeft();
  }

  /** The guest beats at the source as if nothing had been, and the target has nothing of it. */
  void assertStayed(String bootIdBefore) {
    guest.awaitRunningOn(source());
    assertThat(guest.bootId()).isEqualTo(bootIdBefore);
    assertOnlyAt(source());
    assertTargetClean();
    var verification = guest.verify();
    assertThat(verification.clean()).as("%s", verification).isTrue();
    assertNoProbesLeft();
  }

  void assertOnlyAt(HypervisorHost host) {
    Waiting.until(
        "one QEMU process of " + guest.name(), () -> guest.qemuOn().equals(List.of(host)));
    assertThat(guest.twoCopiesHeard()).as("two copies were heard").isFalse();
  }

  void assertTargetClean() {
    assertThat(new TreeSet<>(target().files(OWN_POOL))).isEqualTo(targetFilesBefore);
    assertThat(target().virsh("list", "--all", "--name").out()).doesNotContain(guest.name());
  }

  /** Nor what tells of a reservation. */
  void assertNoProbesLeft() {
    for (var host : List.of(source(), target())) {
      assertThat(host.files(OWN_POOL)).noneMatch(f -> f.startsWith("drover-"));
      assertThat(host.files("/mnt/shared")).noneMatch(f -> f.startsWith("drover-"));
    }
  }

  @Override
  public void close() {
    guest.close();
  }
}
