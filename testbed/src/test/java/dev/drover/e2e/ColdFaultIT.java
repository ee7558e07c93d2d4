package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.junit.DroverTestbed;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What dies while a guest that is shut off is on its way. */
@DroverTestbed
class ColdFaultIT {
  private static final int CAP_MIB = 6;
  private static final long PART_BYTES = 2L * CAP_MIB << 20;

  @ParameterizedTest
  @EnumSource
  void libvirtDiesWhileTheDefinitionGoesOver(DefinitionFault fault, Testbed testbed) {
    try (var guest =
        new Dormant(testbed, "torn-" + fault.shortName(), testbed.host("n1"), testbed.host("n2"))
            .withLocalDisk(32)
            .define()) {
      var digests = guest.digests(guest.source());
      fault.strike(guest).awaitSucceeded();
      guest.assertMoved(digests);
    }
  }

  @Test
  void whatDiesDuringTheCopyCostsOnePartAtMost(Testbed testbed) {
    int size = 90;
    try (var guest =
        new Dormant(testbed, "bothered", testbed.host("n1"), testbed.host("n2"))
            .withLocalDisk(size)
            .define()) {
      var digests = guest.digests(guest.source());
      long before = guest.source().sentBytes();
      var migration = guest.migrate("bandwidthMiBps: " + CAP_MIB + "\n");
      awaitConfirmed(migration, 1);
      guest.target().daemon().kill();
      guest.target().libvirtd().restart();
      awaitConfirmed(migration, migration.status().progress().diskProcessedBytes() + 1);
      guest.source().libvirtd().restart();
      awaitConfirmed(migration, migration.status().progress().diskProcessedBytes() + 1);
      guest.target().daemon().start();
      migration.awaitSucceeded();
      long sent = guest.source().sentBytes() - before;
      System.out.printf("cold, two libvirts killed: %d MiB sent of %d%n", sent >> 20, size);
      assertThat(sent).isLessThan((long) ((size << 20) * 1.05) + 2 * PART_BYTES);
      guest.assertMoved(digests);
    }
  }

  /** The source's daemon is in the midst of a call that the target's libvirt does not answer. */
  @Test
  void anAbortIsOverWithinSecondsThoughTheLinkIsCut(Testbed testbed) {
    try (var guest =
        new Dormant(testbed, "severed", testbed.host("n1"), testbed.host("n2"))
            .withLocalDisk(48)
            .define()) {
      var digests = guest.digests(guest.source());
      var migration = guest.migrate("bandwidthMiBps: " + CAP_MIB + "\n");
      awaitConfirmed(migration, 1);
      guest.source().dropOutgoing(guest.target(), 16509);
      try {
        var asked = Instant.now();
        migration.patchSpec("{\"abort\":true}").orThrow();
        migration.await("the source has let go", s -> s.source().state() == State.Stopped);
        var took = Duration.between(asked, Instant.now());
        assertThat(took).isLessThan(Duration.ofSeconds(5));
        assertThat(migration.awaitEnd().phaseValue()).isEqualTo(Phase.Aborted);
        System.out.printf(
            "cold, aborted with the link cut: the source after %d ms, all of it after %d ms%n",
            took.toMillis(), Duration.between(asked, Instant.now()).toMillis());
      } finally {
        guest.source().clearFirewall();
      }
      guest.assertStayed(digests);
    }
  }

  private static void awaitConfirmed(Migration migration, long bytes) {
    migration.await(
        "has copied " + bytes + " bytes",
        s ->
            s.phaseValue() == Phase.PreCopy
                && s.progress() != null
                && s.progress().diskProcessedBytes() >= bytes);
  }
}
