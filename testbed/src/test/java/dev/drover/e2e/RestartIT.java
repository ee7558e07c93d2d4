package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.junit.DroverTestbed;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Each process is killed, without a word of warning, as soon as the migration is seen in a phase.
 * Nothing is started twice, the transfer goes on, and the end is told.
 */
@DroverTestbed
class RestartIT {

  @ParameterizedTest
  @EnumSource(
      value = Phase.class,
      names = {"PreMigration", "Reservation", "PreCopy", "Commitment"})
  void theOperatorIsKilled(Phase phase, Testbed testbed) {
    survives(
        testbed,
        "op-" + phase.name().toLowerCase(java.util.Locale.ROOT),
        phase,
        t -> {
          t.operator().kill();
          t.operator().start();
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = Phase.class,
      names = {"PreMigration", "Reservation", "PreCopy", "Commitment"})
  void theSourcesDaemonIsKilled(Phase phase, Testbed testbed) {
    survives(
        testbed,
        "src-" + phase.name().toLowerCase(java.util.Locale.ROOT),
        phase,
        t -> {
          t.host("n1").daemon().kill();
          t.host("n1").daemon().start();
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = Phase.class,
      names = {"PreMigration", "Reservation", "PreCopy", "Commitment"})
  void theTargetsDaemonIsKilled(Phase phase, Testbed testbed) {
    survives(
        testbed,
        "tgt-" + phase.name().toLowerCase(java.util.Locale.ROOT),
        phase,
        t -> {
          t.host("n2").daemon().kill();
          t.host("n2").daemon().start();
        });
  }

  private static void survives(Testbed testbed, String name, Phase phase, Consumer<Testbed> fault) {
    var spec = GuestSpec.named(name).withDisk(DiskSpec.local(96)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 32);
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 32\n");
      migration.await(
          "has reached " + phase,
          s ->
              s.phaseValue() == phase
                  || s.phaseValue().isTerminal()
                  || isPast(s.phaseValue(), phase));
      fault.accept(testbed);
      var status = migration.awaitSucceeded();
      assertThat(status.phases().stream().map(p -> p.phase()).distinct().count())
          .as("no phase twice: %s", status.phases())
          .isEqualTo(status.phases().size());
      scene.assertMoved(boot);
    }
  }

  private static boolean isPast(Phase now, Phase wanted) {
    return now != wanted && !now.mayBecome(wanted) && now != Phase.Pending && reached(wanted, now);
  }

  private static boolean reached(Phase from, Phase to) {
    if (from == to) {
      return true;
    }
    for (var next : Phase.values()) {
      if (next != from && from.mayBecome(next) && reached(next, to)) {
        return true;
      }
    }
    return false;
  }
}
