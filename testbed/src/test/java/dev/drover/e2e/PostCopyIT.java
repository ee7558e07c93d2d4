package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import org.junit.jupiter.api.Test;

/** The link breaks while the guest runs at the target and its memory is on both hosts. */
@DroverTestbed
class PostCopyIT {

  @Test
  void aBrokenLinkIsMendedAsOftenAsItBreaks(Testbed testbed) {
    var spec =
        GuestSpec.named("torn").withMemoryMib(384).withDisk(DiskSpec.local(64)).dirtying(192, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.switchToPostCopy();
      for (int time = 1; time <= 2; time++) {
        testbed.host("n2").cut();
        migration.await("says that the link is broken", PostCopyIT::isBroken);
        testbed.host("n2").heal();
        migration.await(
            "goes on by itself",
            s -> s.phaseValue().isTerminal() || (s.phaseValue() == Phase.PostCopy && !isBroken(s)));
      }
      assertThat(migration.phase()).as("there were two breaks to mend").isEqualTo(Phase.PostCopy);
      migration.patchSpec("{\"bandwidthMiBps\":null}");
      var status = migration.awaitSucceeded();
      assertThat(status.result().postCopy()).isTrue();
      scene.assertMoved(boot);
    }
  }

  /** libvirt 9.0 survives to be asked for it: the post-copy is paused and resumed. */
  @Test
  void withAnOldTargetItIsPausedAndResumed(Testbed testbed) {
    var old = testbed.addHost(HostSettings.defaults().withSuite("bookworm"));
    // It writes nothing on its way: under TCG, QEMU 7.2 loses what a guest dirties meanwhile.
    var spec = GuestSpec.named("resumed").withMachine("pc-q35-7.2");
    try (var guest = testbed.guest(spec)) {
      guest.start(testbed.host("n1")).awaitBooted();
      var boot = guest.bootId();
      Migration.awaitSeen(testbed, spec.name(), "n1");
      var migration =
          Migration.apply(
              testbed,
              spec.name(),
              """
              target: {nodeName: %s}
              bandwidthMiBps: 1
              maxDowntimeMilliseconds: 50
              postCopy: Allowed
              commit: Direct
              switchover: PostCopy
              """
                  .formatted(old.name()));
      migration.awaitPhase(Phase.PostCopy);
      Waiting.until(
          "the guest runs at the target",
          Migration.DEADLINE,
          () ->
              old.virsh("domstate", spec.name(), "--reason").out().contains("running (post-copy)"));
      // Two reports later the source's daemon has seen that, too.
      long then = migration.status().progress().memoryProcessedBytes();
      migration.await("memory moves", s -> s.progress().memoryProcessedBytes() > then + (3L << 20));
      old.cut();
      migration.await("says that the link is broken", PostCopyIT::isBroken);
      old.heal();
      migration.await("goes on by itself", s -> s.phaseValue().isTerminal() || !isBroken(s));
      assertThat(migration.patchSpec("{\"bandwidthMiBps\":null}").exitCode()).isZero();
      migration.awaitSucceeded();
      guest.awaitRunningOn(old);
      assertThat(guest.bootId()).isEqualTo(boot);
      assertThat(testbed.host("n1").daemon().log()).content().contains("The post-copy is resumed");
    } finally {
      testbed.removeHost(old);
    }
  }

  /** What Drover says beforehand is what libvirt would find out on the way. */
  @Test
  void aTargetThatCanNotReceiveItSaysSoBeforehand(Testbed testbed) {
    var deaf =
        testbed.addHost(
            HostSettings.defaults().withSuite("bookworm").withEmulatorUser("libvirt-qemu"));
    var to = "target: {nodeName: %s}\npostCopy: Allowed\ncommit: Direct\n".formatted(deaf.name());
    var spec = GuestSpec.named("unheard").withMachine("pc-q35-7.2");
    try (var scene = Scene.between(testbed, spec, testbed.host("n1"), deaf)) {
      var boot = scene.guest().bootId();
      var checked = scene.migrate(to + "dryRun: true\n").awaitFailed(Reason.PostCopyUnsupported);
      assertThat(checked.candidates())
          .singleElement()
          .satisfies(
              candidate -> {
                assertThat(candidate.message()).contains("vm.unprivileged_userfaultfd is 0");
                assertThat(candidate.blockers().getFirst().remedy()).contains("postCopy: Never");
              });
      var refused = scene.migrate(to).awaitFailed(Reason.PostCopyUnsupported);
      // Nothing was made there, so there is nothing to be removed; Clean is its last word if it
      // comes.
      assertThat(refused.target().state())
          .isIn(TargetReport.State.Refused, TargetReport.State.Clean);
      assertThat(
              scene
                  .source()
                  .virsh(
                      "migrate",
                      spec.name(),
                      "qemu+tcp://" + deaf.ip() + "/system",
                      "--live",
                      "--p2p",
                      "--postcopy")
                  .err())
          .contains("Postcopy is not supported");
      scene.assertStayed(boot);
      scene.migrate("target: {nodeName: %s}\n".formatted(deaf.name())).awaitSucceeded();
      scene.assertMoved(boot);
    } finally {
      testbed.removeHost(deaf);
    }
  }

  /**
   * What docs/how-to/post-copy.md says of a source's QEMU that dies: nothing else is left to do.
   */
  @Test
  void aGuestThatLosesTheRestOfItsMemoryIsStartedFromItsDisksAtTheTarget(Testbed testbed) {
    var spec =
        GuestSpec.named("halved").withMemoryMib(384).withDisk(DiskSpec.local(64)).dirtying(192, 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var guest = scene.guest();
      var boot = guest.bootId();
      guest.fillDisk(0, 8);
      var migration = scene.switchToPostCopy();
      guest.awaitRunningOn(scene.target());
      guest.fillDisk(0, 16);
      scene.source().qemu(spec.name()).orElseThrow().mark().signal("KILL");
      migration.await(
          "says that a person is needed, and for what",
          s ->
              s.condition(ConditionType.Stalled)
                  .filter(c -> c.isTrue() && String.valueOf(c.message()).contains("virsh destroy"))
                  .isPresent());
      scene.target().virsh("destroy", spec.name()).orThrow();

      var status = migration.awaitFailed(Reason.GuestLostAfterSwitchover);
      assertThat(status.failure().message()).contains("kept on n2");
      var stale = guest.checkOffline(scene.source(), 0);
      var kept = guest.checkOffline(scene.target(), 0);
      assertThat(kept.bad()).isZero();
      assertThat(kept.blocks()).isEqualTo(2 * stale.blocks()).isEqualTo((16 << 20) / 4096);
      scene.target().virsh("start", spec.name()).orThrow();
      guest.awaitRunningOn(scene.target());
      Waiting.until("it has booted anew", () -> !guest.bootId().equals(boot));
    }
  }

  private static boolean isBroken(LiveMigrationStatus status) {
    return status.phaseValue() == Phase.PostCopy
        && status.source() != null
        && status.source().reason().equals(Reason.PostCopyFailed.name())
        && status
            .condition(ConditionType.Stalled)
            .filter(c -> c.isTrue() && c.reason().equals(Reason.PostCopyFailed.name()))
            .isPresent();
  }
}
