package dev.drover.e2e;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * As {@link RestartIT}, in the two phases that are usually too short for it. QEMU drops every cap
 * while the guest stands still, so the switchover is made to last by a slow line.
 */
@DroverTestbed
class SwitchoverRestartIT {

  @ParameterizedTest
  @EnumSource(Victim.class)
  void killedWhileTheGuestStandsStill(Victim victim, Testbed testbed) {
    var name = "still-" + victim.name().toLowerCase(Locale.ROOT);
    // 64 MiB over this line are 6.7 s of the 8.4 s that Drover allows itself of these 10 s.
    var spec = GuestSpec.named(name).withDisk(DiskSpec.shared(64)).dirtying(64, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      // Towards the target only: the source's daemon must get its reports through to the API
      // server.
      tc("add", "root", "tbf", "rate", "80mbit", "burst", "128kb", "latency", "400ms");
      try {
        var migration = scene.migrate("target: {nodeName: n2}\nmaxDowntimeMilliseconds: 10000\n");
        migration.awaitPhase(Phase.StopAndCopy);
        victim.killAndStart(testbed);
        migration.awaitSucceeded();
      } finally {
        tc("del", "root");
      }
      scene.assertMoved(boot);
    }
  }

  private static void tc(String verb, String... arguments) {
    var command =
        Stream.concat(Stream.of("tc", "qdisc", verb, "dev", "drover-n2"), Stream.of(arguments));
    Command.of(command.toList()).output();
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
