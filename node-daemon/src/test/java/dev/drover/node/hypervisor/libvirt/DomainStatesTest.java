package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DomainStatesTest {

  @ParameterizedTest
  @CsvSource({
    "1, 1, Running, booted",
    "1, 6, Running, migration canceled",
    "1, 10, RunningPostCopy, post-copy",
    "1, 11, RunningPostCopy, post-copy failed",
    "2, 5, Running, unpaused",
    "3, 1, Paused, user",
    "3, 2, PausedForMigration, migration",
    "3, 5, Paused, i/o error",
    "3, 11, StartingUp, starting up",
    "3, 12, PausedForPostCopy, post-copy",
    "3, 13, PausedForPostCopy, post-copy failed",
    "4, 0, Other, unknown",
    "5, 4, ShutOff, migrated",
    "5, 8, ShutOff, daemon",
    "6, 1, Other, panicked",
    "7, 0, Other, reason 0",
    "1, 77, Running, reason 77"
  })
  void statesAndReasons(int state, int reason, Run run, String text) {
    assertThat(DomainStates.run(state, reason)).isEqualTo(run);
    assertThat(DomainStates.reason(state, reason)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, Defined",
    "1, 0, Undefined",
    "2, 1, Started",
    "3, 0, Suspended",
    "3, 1, SuspendedForMigration",
    "3, 7, SuspendedForPostCopy",
    "3, 8, PostCopyFailed",
    "4, 0, Resumed",
    "4, 1, Resumed",
    "4, 3, Resumed",
    "4, 4, PostCopyFailed",
    "5, 1, Stopped",
    "5, 3, StoppedMigrated",
    "6, 2, Other",
    "8, 0, Other",
    "99, 0, Other"
  })
  void events(int event, int detail, DomainEvent told) {
    assertThat(DomainStates.event(event, detail)).isEqualTo(told);
  }
}
