package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The spec is changed while the transfer runs; bandwidth is measured on the wire. */
@DroverTestbed
class TuningIT {
  private static final double MEBIBYTE = 1 << 20;
  private static final int SLOW = 8;
  private static final int FAST = 40;
  private static final int CHANGES = 5;
  private static final Duration LONGEST = Duration.ofSeconds(5);

  @Test
  void anotherCapCountsWithinASecondForDisksAndForMemory(Testbed testbed) {
    var spec =
        GuestSpec.named("tuned").withMemoryMib(640).withDisk(DiskSpec.local(192)).dirtying(400, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 176);
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: " + SLOW + "\n");
      migration.awaitDiskCopy();
      var disks = patchAndMeasure(scene, migration, FAST);
      migration.awaitMemoryCopy();
      var down = new ArrayList<Duration>();
      var up = new ArrayList<Duration>();
      for (int i = 0; i < CHANGES; i++) {
        down.add(patchAndMeasure(scene, migration, SLOW));
        up.add(patchAndMeasure(scene, migration, FAST));
      }
      System.out.printf(
          "another cap on the wire: disks after %s, memory down after %s, up after %s%n",
          disks, down, up);
      assertThat(disks).isLessThan(Duration.ofSeconds(3)); // QEMU mirrors in steps of 16 MiB
      // A second for the daemon, half of one for the measurement. An emulated guest that writes
      // takes the processors from all of it for a moment now and then, so the median is judged.
      assertThat(down).allMatch(took -> took.compareTo(LONGEST) < 0);
      assertThat(up).allMatch(took -> took.compareTo(LONGEST) < 0);
      assertThat(median(down)).isLessThan(Duration.ofMillis(1500));
      assertThat(median(up)).isLessThan(Duration.ofMillis(1500));
      assertThat(migration.patchSpec("{\"bandwidthMiBps\":null}").exitCode()).isZero();
      migration.awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  private static Duration median(List<Duration> durations) {
    return durations.stream().sorted().toList().get(durations.size() / 2);
  }

  /**
   * @return how long after the patch the wire was nearer to the new rate than to the old one, over
   *     half a second
   */
  private static Duration patchAndMeasure(Scene scene, Migration migration, int mebibytes) {
    double middle = (SLOW + FAST) / 2.0;
    var patched = Instant.now();
    var patch = migration.patchSpec("{\"bandwidthMiBps\":" + mebibytes + "}");
    assertThat(patch.exitCode()).as(patch.err()).isZero();
    record Look(Instant at, long bytes) {}
    var looks = new ArrayDeque<Look>();
    Waiting.until(
        "the wire carries about " + mebibytes + " MiB/s",
        () -> {
          var now = new Look(Instant.now(), scene.source().sentBytes());
          looks.addLast(now);
          while (Duration.between(looks.getFirst().at(), now.at()).toMillis() > 600) {
            looks.removeFirst();
          }
          long milliseconds = Duration.between(looks.getFirst().at(), now.at()).toMillis();
          if (milliseconds < 450) {
            return false;
          }
          double rate = (now.bytes() - looks.getFirst().bytes()) / MEBIBYTE * 1000 / milliseconds;
          return mebibytes > middle ? rate > middle : rate < middle;
        });
    var took = Duration.between(patched, Instant.now());
    migration.await(
        "obeys the newest spec",
        s ->
            s.tuning() != null
                && migration
                    .object()
                    .orElseThrow()
                    .getMetadata()
                    .getGeneration()
                    .equals(s.tuning().observedGeneration())
                && s.tuning().notApplied() == null);
    return took;
  }

  @Test
  void aForcedPauseMovesAGuestThatNeverConverges(Testbed testbed) {
    var spec = GuestSpec.named("forced").dirtying(128, 60);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 24\n");
      migration.awaitMemoryCopy();
      assertThat(migration.patchSpec("{\"switchover\":\"Pause\"}").exitCode()).isZero();
      var status = migration.awaitSucceeded();
      assertThat(status.tuning().pausedAt()).isNotNull();
      assertThat(status.result().downtimeMilliseconds()).isGreaterThan(1000);
      scene.assertMoved(boot);
    }
  }

  @Test
  void aGuestThatIsStoppedForItsTransferCanBeHadBack(Testbed testbed) {
    var spec = GuestSpec.named("hadback").dirtying(128, 60);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration =
          scene.migrate(
              """
              target: {nodeName: n2}
              bandwidthMiBps: 4
              completionTimeoutSeconds: 6
              onTimeout: Pause
              """);
      migration.await(
          "the guest is stopped", s -> s.tuning() != null && s.tuning().pausedAt() != null);
      migration.awaitPhase(Phase.StopAndCopy);
      var asked = Instant.now();
      assertThat(migration.patchSpec("{\"abort\":true}").exitCode()).isZero();
      var status = migration.awaitEnd();
      System.out.printf(
          "aborted while the guest was stopped: %d ms%n",
          Duration.between(asked, Instant.now()).toMillis());
      assertThat(status.phaseValue()).isEqualTo(Phase.Aborted);
      scene.assertStayed(boot);
    }
  }

  @Test
  void aForcedPostCopyStartsAtOnceAndCanNotBeAborted(Testbed testbed) {
    var spec = GuestSpec.named("forcedpost").dirtying(128, 8);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.switchToPostCopy();
      var abort = migration.patchSpec("{\"abort\":true}");
      assertThat(abort.exitCode()).isNotZero();
      assertThat(abort.err()).contains("spec.abort comes too late").contains("n2");
      migration.patchSpec("{\"bandwidthMiBps\":64}");
      var status = migration.awaitSucceeded();
      assertThat(status.result().postCopy()).isTrue();
      assertThat(status.failure()).isNull();
      assertThat(
              status
                  .condition(dev.drover.api.v1alpha1.ConditionType.Succeeded)
                  .orElseThrow()
                  .reason())
          .isEqualTo(Reason.Succeeded.name());
      scene.assertMoved(boot);
    }
  }
}
