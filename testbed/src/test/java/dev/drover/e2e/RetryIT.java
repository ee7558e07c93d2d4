package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Attempt;
import dev.drover.api.v1alpha1.LiveMigrationStatus.PhaseTimes;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.junit.jupiter.api.Test;

/**
 * A migration that waits for its time, fails on the way, and gets there with its second attempt.
 */
@DroverTestbed
class RetryIT {
  @Test
  void theSecondAttemptSucceedsAfterTheTargetsLibvirtDied(Testbed testbed) {
    var spec = GuestSpec.named("stubborn").withDisk(DiskSpec.local(64)).dirtying(64, 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var notBefore = Instant.now().plusSeconds(5).truncatedTo(ChronoUnit.SECONDS);
      var migration =
          scene.migrate(
              """
              target: {nodeName: n2}
              bandwidthMiBps: 12
              notBefore: "%s"
              retry: {maxAttempts: 3, backoffSeconds: 2}
              """
                  .formatted(notBefore));
      migration.await(
          "waits for its time",
          s ->
              s.phaseValue() == Phase.Pending
                  && s.queue() != null
                  && s.queue().waitingFor().getFirst().contains(notBefore.toString()));
      migration.awaitDiskCopy();
      scene.target().libvirtd().kill();
      migration.await("has failed", s -> s.failure() != null || s.attemptNumber() == 2);
      scene.target().libvirtd().start();
      migration.await("is tried again", s -> s.attemptNumber() == 2);
      migration.await(
          "has both nodes again", s -> s.sourceNode() != null && s.targetNode() != null);
      var patched =
          testbed
              .controlPlane()
              .kubectl(
                  "-n",
                  Migration.NAMESPACE,
                  "patch",
                  "lmig",
                  migration.name(),
                  "--type=merge",
                  "-p",
                  "{\"spec\":{\"bandwidthMiBps\":null}}");
      assertThat(patched.exitCode()).as(patched.err()).isZero();

      var status = migration.awaitSucceeded();
      assertThat(status.attempts())
          .as("%s", status.attempts())
          .extracting(Attempt::number, Attempt::sourceNode, Attempt::targetNode)
          .containsExactly(tuple(1, "n1", "n2"), tuple(2, "n1", "n2"));
      assertThat(status.attempts().getFirst().reason())
          .isIn("TransferFailed", "ConnectionToTargetFailed", "LibvirtError");
      assertThat(status.attempts().getLast().reason()).isEqualTo("Succeeded");
      assertThat(Instant.parse(status.attempts().getFirst().startedAt()))
          .isAfterOrEqualTo(notBefore);
      assertThat(status.phases())
          .extracting(PhaseTimes::phase)
          .startsWith("Pending", "PreMigration");
      assertThat(status.source().attempt()).isEqualTo(2);
      assertThat(status.target().attempt()).isEqualTo(2);
      scene.assertMoved(boot);
    }
  }
}
