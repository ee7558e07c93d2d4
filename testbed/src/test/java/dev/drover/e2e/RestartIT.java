package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Waiting;
import java.util.Arrays;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each process is killed, without a word of warning, as soon as the migration is seen in a phase.
 * Nothing is started twice, the transfer goes on, and the end is told. The fault matrix has the two
 * phases that are usually too short for it ({@code dev.drover.faults.FaultMatrixIT}).
 */
@DroverTestbed
class RestartIT {

  static Stream<Arguments> eachVictimInEachPhase() {
    return Arrays.stream(Victim.values())
        .flatMap(
            victim ->
                Stream.of(Phase.PreMigration, Phase.Reservation, Phase.PreCopy, Phase.Commitment)
                    .map(phase -> Arguments.of(victim, phase)));
  }

  @ParameterizedTest
  @MethodSource("eachVictimInEachPhase")
  void killed(Victim victim, Phase phase, Testbed testbed) {
    var name = (victim + "-" + phase).toLowerCase(Locale.ROOT);
    var spec = GuestSpec.named(name).withDisk(DiskSpec.local(96)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 32);
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 32\n");
      migration.awaitReached(phase);
      victim.killAndStart(testbed);
      var status = migration.awaitSucceeded();
      assertThat(status.phases().stream().map(p -> p.phase()).distinct().count())
          .as("no phase twice: %s", status.phases())
          .isEqualTo(status.phases().size());
      scene.assertMoved(boot);
    }
  }

  /** Its daemon was away from the reservation until the object was deleted. */
  @Test
  void aMarkerOfAReservationThatEndedMeanwhileIsRemoved(Testbed testbed) {
    var host = testbed.host("n2");
    String own = putMarker(host, "n2");
    String other = putMarker(host, "n3");
    try {
      host.daemon().restart();

      Waiting.until("the marker is gone", () -> !host.files(Scene.OWN_POOL).contains(own));
      assertThat(host.files(Scene.OWN_POOL)).as("another node's marker").contains(other);
    } finally {
      host.virsh("vol-delete", other, "--pool", "default").orThrow();
    }
  }

  private static String putMarker(HypervisorHost host, String nodeName) {
    var uid = UUID.randomUUID().toString();
    var volume = "drover-making-" + uid;
    host.exec(
            "sh",
            "-c",
            "printf '%s' \"$1\" >\"$2\"",
            "sh",
            uid + " " + nodeName,
            Scene.OWN_POOL + "/" + volume)
        .orThrow();
    host.virsh("pool-refresh", "default").orThrow();
    return volume;
  }
}
