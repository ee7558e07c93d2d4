package dev.drover.e2e;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * As {@link RestartIT}, in post-copy. Not in StopAndCopy: QEMU drops every cap while the guest
 * stands still, so that it can't be made to last on a line as fast as this one.
 */
@DroverTestbed
class PostCopyRestartIT {

  /** What is killed. */
  enum Victim {
    Operator,
    SourceDaemon,
    TargetDaemon;

    void killAndStart(Testbed testbed) {
      switch (this) {
        case Operator -> {
          testbed.operator().kill();
          testbed.operator().start();
        }
        case SourceDaemon -> {
          testbed.host("n1").daemon().kill();
          testbed.host("n1").daemon().start();
        }
        case TargetDaemon -> {
          testbed.host("n2").daemon().kill();
          testbed.host("n2").daemon().start();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Victim.class)
  void killedInPostCopy(Victim victim, Testbed testbed) {
    var name = "post-" + victim.name().toLowerCase(Locale.ROOT);
    var spec = GuestSpec.named(name).withDisk(DiskSpec.shared(64)).dirtying(96, 60);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration =
          scene.migrate(
              """
              target: {nodeName: n2}
              bandwidthMiBps: 8
              maxDowntimeMilliseconds: 100
              postCopy: Allowed
              commit: Direct
              """);
      migration.awaitPhase(Phase.PostCopy);
      victim.killAndStart(testbed);
      migration.awaitSucceeded();
      scene.assertMoved(boot);
    }
  }
}
