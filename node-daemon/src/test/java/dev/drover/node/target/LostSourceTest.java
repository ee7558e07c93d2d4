package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.target.LostSource.Action;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class LostSourceTest {

  @ParameterizedTest
  @CsvSource({
    // what is here, guest persistent, guest paused, disks, start intended, what is done
    "-, true, false, copied, false, Discard",
    "-, true, false, shared, false, Discard",
    "-, false, false, copied, false, KeepVolumes",
    "-, false, false, shared, false, Discard",
    "PausedForMigration, true, false, copied, false, Discard",
    "StartingUp, true, false, copied, false, Discard",
    "Running, true, false, copied, false, Leave",
    "Running, false, false, shared, false, Leave",
    "RunningPostCopy, true, false, copied, false, KeepVolumes",
    "Paused, true, false, copied, false, Resume",
    "Paused, false, false, copied, false, Resume",
    "Paused, true, false, none, false, Resume",
    "Paused, true, false, readonly, false, Resume",
    "Paused, true, false, shared, false, StartAnew",
    "Paused, true, false, mixed, false, StartAnew",
    "Paused, false, false, shared, false, AskAPerson",
    "Paused, true, true, shared, false, Leave",
    "Paused, true, true, copied, false, Leave",
    "ShutOff, true, false, shared, false, Leave",
    "ShutOff, true, false, shared, true, StartAnew",
    "Running, true, false, shared, true, Leave",
    "PausedForPostCopy, true, false, shared, false, AskAPerson",
    "Other, true, false, shared, false, AskAPerson",
  })
  void decides(
      String run, boolean persistent, boolean paused, String disks, boolean intended, String what) {
    var action =
        LostSource.decide(here(run, persistent), guest(persistent, paused), plan(disks), intended);
    assertThat(action.getClass().getSimpleName()).isEqualTo(what);
  }

  /** INVARIANT of the class: memory that may be older than a shared disk never runs again. */
  @ParameterizedTest
  @EnumSource(Run.class)
  void neverResumesBesideASharedDisk(Run run) {
    for (boolean persistent : new boolean[] {true, false}) {
      for (boolean intended : new boolean[] {true, false}) {
        for (String disks : List.of("shared", "mixed")) {
          assertThat(
                  LostSource.decide(
                      here(run.name(), persistent),
                      guest(persistent, false),
                      plan(disks),
                      intended))
              .isNotInstanceOf(Action.Resume.class);
        }
      }
    }
  }

  private static Optional<DomainState> here(String run, boolean persistent) {
    return run.equals("-")
        ? Optional.empty()
        : Optional.of(
            new DomainState(
                UUID.randomUUID(), "web", Run.valueOf(run), "user", persistent, 1L << 28, 1, null));
  }

  private static Guest guest(boolean persistent, boolean paused) {
    return new Guest(
        "web",
        paused,
        persistent,
        1L << 28,
        1,
        "x86_64",
        "pc-q35-10.0",
        "kvm",
        null,
        null,
        null,
        List.of(disk("vda", false), disk("vdb", false), disk("sda", true)));
  }

  private static Disk disk(String target, boolean readOnly) {
    return new Disk(
        target,
        Disk.Kind.File,
        "default",
        "v",
        "/v",
        "qcow2",
        1L,
        1L,
        readOnly,
        false,
        false,
        null);
  }

  private static List<DiskPlan> plan(String disks) {
    return switch (disks) {
      case "copied" -> List.of(copied("vda"));
      case "shared" -> List.of(stays("vda"));
      case "mixed" -> List.of(copied("vda"), stays("vdb"));
      case "readonly" -> List.of(stays("sda"));
      default -> List.of();
    };
  }

  private static DiskPlan copied(String target) {
    return new DiskPlan(target, DiskPlan.Action.Copy, "default", "v", "qcow2", 1L);
  }

  private static DiskPlan stays(String target) {
    return new DiskPlan(target, DiskPlan.Action.Stay, null, null, null, null);
  }
}
