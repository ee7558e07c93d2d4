package dev.drover.operator.migration.phase;

import static dev.drover.operator.migration.Facts.in;
import static dev.drover.operator.migration.Facts.sighting;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationSpec.Shutdown;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.migration.Facts;
import dev.drover.operator.migration.Progress;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every step as a table: these facts, this answer. */
class StepTest {
  private static final Duration LATE = Duration.ofSeconds(61);
  private static final String AWAY =
      "The daemon of hv1 is away; the transfer is libvirt's and may go on, its outcome will be told"
          + " when the daemon is back.";

  @ParameterizedTest(name = "{0}")
  @MethodSource({
    "pending",
    "preMigration",
    "reservation",
    "transfer",
    "sourceAway",
    "fencedSource",
    "fencedTarget",
    "arrival",
    "ends",
    "cleanUp",
    "abort",
    "dryRun"
  })
  void answers(String what, Facts facts, String expected) {
    assertThat(words(Step.first(facts.context()))).isEqualTo(expected);
  }

  static Stream<Arguments> pending() {
    Map<String, String> ssd = Map.of("disk", "ssd");
    return Stream.of(
        row("goes to the only host", pending0(), "become PreMigration hv1->hv2"),
        row("no such VM", pending0().noMachine(), "fail VirtualMachineNotFound"),
        row("VM never seen", pending0().seen(), "fail VirtualMachineNotRunning"),
        row(
            "VM shut off",
            pending0().seen(sighting("hv1", State.ShutOff)),
            "fail VirtualMachineNotRunning"),
        row(
            "paused VMs move too",
            pending0().seen(sighting("hv1", State.Paused)),
            "become PreMigration hv1->hv2"),
        row(
            "paused on two hosts",
            pending0().seen(sighting("hv1", State.Paused), sighting("hv2", State.Paused)),
            "fail VirtualMachineNotRunning"),
        row(
            "runs twice",
            pending0().seen(sighting("hv1", State.Running), sighting("hv2", State.Running)),
            "fail SplitBrain"),
        row(
            "runs, and was seen by a host that is given up",
            pending0()
                .givenUp("hv3")
                .seen(sighting("hv1", State.Running), sighting("hv3", State.Running)),
            "become PreMigration hv1->hv2"),
        row(
            "cold, shut off",
            pending0().cold(Shutdown.Never).seen(sighting("hv1", State.ShutOff)),
            "become PreMigration hv1->hv2"),
        row(
            "cold, runs",
            pending0().cold(Shutdown.Never).seen(sighting("hv1", State.Running)),
            "fail VirtualMachineRunning"),
        row(
            "cold, runs and may be shut down, though defined elsewhere",
            pending0()
                .cold(Shutdown.Graceful)
                .seen(sighting("hv1", State.Running), sighting("hv3", State.ShutOff)),
            "become PreMigration hv1->hv2"),
        row(
            "cold, paused",
            pending0().cold(Shutdown.Graceful).seen(sighting("hv1", State.Paused)),
            "fail VirtualMachineRunning"),
        row(
            "cold, defined twice",
            pending0()
                .cold(Shutdown.Never)
                .seen(sighting("hv1", State.ShutOff), sighting("hv2", State.ShutOff)),
            "fail VirtualMachineDefinedTwice"),
        row(
            "cold, defined twice, and it is said which",
            pending0()
                .cold(Shutdown.Never)
                .fromNode("hv2")
                .seen(sighting("hv1", State.ShutOff), sighting("hv2", State.ShutOff)),
            "become PreMigration hv2->hv1"),
        row(
            "cold, shut off on another host",
            pending0().cold(Shutdown.Never).fromNode("hv2").seen(sighting("hv1", State.ShutOff)),
            "fail VirtualMachineNotOnSource"),
        row(
            "cold, never seen",
            pending0().cold(Shutdown.Never).seen(),
            "fail VirtualMachineNotRunning"),
        row("on another host", pending0().fromNode("hv2"), "fail VirtualMachineNotOnSource"),
        row("on the named host", pending0().fromNode("hv1"), "become PreMigration hv1->hv2"),
        row("there already", pending0().toNode("hv1"), "fail TargetIsSource"),
        row("no such target", pending0().toNode("hv9"), "fail TargetNotFound"),
        row("named target", pending0().node("hv3").toNode("hv3"), "become PreMigration hv1->hv3"),
        row(
            "target closed",
            pending0().toNode("hv2").node("hv2", true, true, 2, 2, 1, Map.of()),
            "fail TargetUnschedulable"),
        row(
            "every target closed",
            pending0().node("hv2", true, true, 2, 2, 1, Map.of()),
            "fail NoSuitableTarget"),
        row("no other host", pending0().withoutNode("hv2"), "fail NoSuitableTarget"),
        row(
            "by label",
            pending0().node("hv3", true, false, 2, 2, 1, ssd).toLabels(ssd),
            "become PreMigration hv1->hv3"),
        row("no host has the label", pending0().toLabels(ssd), "fail NoSuitableTarget"),
        row("target away, still in grace", pending0().away("hv2"), "wait TargetNotReady 30"),
        row(
            "named target away, too long",
            pending0().away("hv2").toNode("hv2").after(Duration.ofSeconds(30)),
            "fail TargetNotReady"),
        row(
            "only target away, too long",
            pending0().away("hv2").after(Duration.ofSeconds(30)),
            "fail NoSuitableTarget"),
        row("source away, still in grace", pending0().away("hv1"), "wait SourceNotReady 30"),
        row(
            "source away, too long",
            pending0().away("hv1").after(Duration.ofSeconds(31)),
            "fail SourceNotReady"),
        row(
            "source unknown, too long",
            pending0().withoutNode("hv1").after(Duration.ofSeconds(31)),
            "fail SourceNotReady"),
        row(
            "most memory",
            pending0().node("hv3", true, false, 2, 2, 1L << 40, Map.of()),
            "become PreMigration hv1->hv3"),
        row(
            "fewest incoming before most memory",
            pending0()
                .node("hv3", true, false, 2, 2, 1L << 40, Map.of())
                .peer("p", "other", Phase.PreCopy, "hv9", "hv3", 5),
            "become PreMigration hv1->hv2"),
        row(
            "target full",
            pending0()
                .peer("p", "a", Phase.PreCopy, "hv8", "hv2", 5)
                .peer("q", "b", Phase.Commitment, "hv9", "hv2", 5),
            "wait NoFreeSlot position 1"),
        row(
            "source full",
            pending0()
                .peer("p", "a", Phase.PreCopy, "hv1", "hv8", 5)
                .peer("q", "b", Phase.PreMigration, "hv1", "hv9", 5),
            "wait NoFreeSlot position 1"),
        row(
            "an older one waits for the free slot",
            pending0()
                .node("hv2", true, false, 1, 1, 1, Map.of())
                .peer("p", "a", Phase.Pending, null, null, 5, "hv2/incoming"),
            "wait NoFreeSlot position 2"),
        row(
            "a younger one waits for the free slot",
            pending0()
                .node("hv2", true, false, 1, 1, 1, Map.of())
                .peer("p", "a", Phase.Pending, null, null, -5, "hv2/incoming"),
            "become PreMigration hv1->hv2"),
        row(
            "an older migration of the same VM",
            pending0().peer("p", "vm", Phase.Pending, null, null, 1),
            "fail MigrationInProgress"),
        row(
            "a younger migration of the same VM that has passed Pending",
            pending0().peer("p", "vm", Phase.PreMigration, "hv1", "hv2", -1),
            "fail MigrationInProgress"),
        row(
            "a younger, pending migration of the same VM",
            pending0().peer("p", "vm", Phase.Pending, null, null, -1),
            "become PreMigration hv1->hv2"),
        row(
            "same second: the name decides",
            pending0().peer("a", "vm", Phase.Pending, null, null, 0),
            "fail MigrationInProgress"));
  }

  static Stream<Arguments> preMigration() {
    return Stream.of(
        row("nobody has answered", in(Phase.PreMigration), "quiet 60"),
        row("source never answers", in(Phase.PreMigration).after(LATE), "fail DaemonNotResponding"),
        row(
            "source's libvirt is away",
            in(Phase.PreMigration).away("hv1").after(LATE),
            "fail SourceNotReady"),
        row(
            "waits for the target",
            in(Phase.PreMigration).source(SourceReport.State.Inspected),
            "quiet 60"),
        row(
            "both agree",
            in(Phase.PreMigration)
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Checked),
            "become Reservation"),
        row(
            "another node's report does not count",
            in(Phase.PreMigration)
                .source(SourceReport.State.Inspected)
                .targetReportFrom("hv3", TargetReport.State.Checked),
            "quiet 60"),
        row(
            "source refuses",
            in(Phase.PreMigration).source(SourceReport.State.Refused, "HostDeviceAttached"),
            "fail HostDeviceAttached"),
        row(
            "guest goes away",
            in(Phase.PreMigration).source(SourceReport.State.GuestLost, "GuestStopped"),
            "fail GuestStopped"),
        row(
            "named target refuses",
            in(Phase.PreMigration)
                .toNode("hv2")
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
            "fail CpuIncompatible"),
        row(
            "only target refuses",
            in(Phase.PreMigration)
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
            "fail CpuIncompatible"),
        row(
            "next target",
            in(Phase.PreMigration)
                .node("hv3")
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
            "become PreMigration null->hv3"),
        row(
            "next target when the first never answers",
            in(Phase.PreMigration).node("hv3").source(SourceReport.State.Inspected).after(LATE),
            "become PreMigration null->hv3"),
        row(
            "named target never answers",
            in(Phase.PreMigration).toNode("hv2").source(SourceReport.State.Inspected).after(LATE),
            "fail DaemonNotResponding"),
        row(
            "named target is away",
            in(Phase.PreMigration)
                .toNode("hv2")
                .away("hv2")
                .source(SourceReport.State.Inspected)
                .after(LATE),
            "fail TargetNotReady"),
        row(
            "none of several fits",
            in(Phase.PreMigration)
                .node("hv3")
                .tried("hv3", Reason.PoolMissing)
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
            "fail NoSuitableTarget"),
        row(
            "after a change of leader: the older one wins",
            in(Phase.PreMigration).peer("p", "vm", Phase.PreMigration, "hv1", "hv3", 1),
            "fail MigrationInProgress"),
        row(
            "source says what nobody asked for",
            in(Phase.PreMigration).source(SourceReport.State.Switched),
            "stalled WaitingForDaemon"));
  }

  static Stream<Arguments> reservation() {
    return Stream.of(
        row(
            "not yet",
            in(Phase.Reservation)
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Checked),
            "quiet 60"),
        row(
            "reserved",
            in(Phase.Reservation)
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Reserved),
            "become PreCopy"),
        row(
            "refused: there is no way back to another target",
            in(Phase.Reservation)
                .node("hv3")
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "InsufficientDiskSpace"),
            "fail InsufficientDiskSpace"),
        row(
            "refused with a plan",
            in(Phase.Reservation)
                .source(SourceReport.State.Inspected)
                .refusedWithPlan("VolumeExists"),
            "fail VolumeExists"),
        row(
            "source gives up",
            in(Phase.Reservation)
                .source(SourceReport.State.GuestLost, "GuestStopped")
                .target(TargetReport.State.Checked),
            "fail GuestStopped"),
        row(
            "never answers",
            in(Phase.Reservation)
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Checked)
                .after(LATE),
            "fail DaemonNotResponding"));
  }

  static Stream<Arguments> transfer() {
    var onTarget = sighting("hv2", State.Running);
    return Stream.of(
        row("not started", in(Phase.PreCopy).source(SourceReport.State.Inspected), "quiet 60"),
        row(
            "not started for long: stalled, not failed",
            in(Phase.PreCopy).source(SourceReport.State.Inspected).after(LATE),
            "stalled WaitingForDaemon"),
        row(
            "runs, however long",
            in(Phase.PreCopy).source(SourceReport.State.Transferring).after(LATE),
            "quiet"),
        row(
            "stands still",
            in(Phase.PreCopy).source(SourceReport.State.Switching),
            "become StopAndCopy"),
        row(
            "post-copy",
            in(Phase.PreCopy).source(SourceReport.State.PostCopying),
            "become PostCopy"),
        row(
            "switched, but not seen yet",
            in(Phase.PreCopy).source(SourceReport.State.Switched).seen(),
            "quiet 61"),
        row(
            "switched, not seen for long",
            in(Phase.PreCopy)
                .source(SourceReport.State.Switched)
                .seen()
                .after(Duration.ofSeconds(62)),
            "stalled WaitingForDaemon"),
        row(
            "switched and seen",
            in(Phase.PreCopy).source(SourceReport.State.Switched).seen(onTarget),
            "become Commitment"),
        row(
            "seen, but the source has not said so",
            in(Phase.PreCopy).source(SourceReport.State.Transferring).seen(onTarget),
            "quiet"),
        row(
            "a guest that left paused arrives paused",
            in(Phase.PreCopy)
                .pausedGuest(SourceReport.State.Switched)
                .seen(sighting("hv2", State.Paused)),
            "become Commitment"),
        row(
            "source stopped",
            in(Phase.PreCopy).source(SourceReport.State.Stopped, "CompletionTimeout"),
            "fail CompletionTimeout"),
        row(
            "hand-over hangs",
            in(Phase.StopAndCopy).source(SourceReport.State.HandOverPending),
            "stalled HandOverFailed"),
        row("stands still", in(Phase.StopAndCopy).source(SourceReport.State.Switching), "quiet 60"),
        row(
            "stands still for long",
            in(Phase.StopAndCopy).source(SourceReport.State.Switching).after(LATE),
            "stalled Switching"),
        row(
            "switched from StopAndCopy",
            in(Phase.StopAndCopy).source(SourceReport.State.Switched).seen(onTarget),
            "become Commitment"),
        row(
            "post-copy goes on",
            in(Phase.PostCopy).source(SourceReport.State.PostCopying).after(LATE),
            "quiet"),
        row(
            "post-copy ends",
            in(Phase.PostCopy).source(SourceReport.State.Switched).seen(onTarget),
            "become Commitment"),
        row(
            "post-copy loses the guest",
            in(Phase.PostCopy).source(SourceReport.State.GuestLost, "PostCopyFailed"),
            "fail PostCopyFailed"));
  }

  static Stream<Arguments> sourceAway() {
    return Stream.of(
        row(
            "transfers, in grace",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .away("hv1")
                .after(Duration.ofSeconds(10)),
            "quiet 20"),
        row(
            "transfers, too long",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .away("hv1")
                .after(Duration.ofSeconds(30)),
            "stalled WaitingForDaemon"),
        row(
            "its grace begins when it goes",
            in(Phase.PreCopy).source(SourceReport.State.Transferring).away("hv1", 50).after(LATE),
            "quiet 19"),
        row(
            "said already: no new grace",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .away("hv1", 50)
                .stalled(Reason.WaitingForDaemon, AWAY)
                .after(LATE),
            "stalled WaitingForDaemon"),
        row(
            "back",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .stalled(Reason.WaitingForDaemon, AWAY)
                .after(LATE),
            "become PreCopy"),
        row(
            "back in StopAndCopy",
            in(Phase.StopAndCopy)
                .source(SourceReport.State.Switching)
                .stalled(Reason.WaitingForDaemon, AWAY),
            "become StopAndCopy"),
        row(
            "back in PostCopy",
            in(Phase.PostCopy)
                .source(SourceReport.State.PostCopying)
                .stalled(Reason.WaitingForDaemon, AWAY),
            "become PostCopy"),
        row(
            "back, and it has moved meanwhile",
            in(Phase.PreCopy)
                .source(SourceReport.State.Switched)
                .seen()
                .stalled(Reason.WaitingForDaemon, AWAY),
            "become PreCopy"),
        row(
            "the target's daemon does not matter",
            in(Phase.PreCopy).source(SourceReport.State.Transferring).away("hv2").after(LATE),
            "quiet"),
        row(
            "the node was deleted",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .withoutNode("hv1")
                .after(LATE),
            "stalled WaitingForDaemon"),
        row(
            "no nodes are known yet",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .withoutNode("hv1")
                .withoutNode("hv2")
                .after(LATE),
            "quiet 30"),
        row(
            "said already, and no nodes are known yet",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .withoutNode("hv1")
                .withoutNode("hv2")
                .stalled(Reason.WaitingForDaemon, AWAY)
                .after(LATE),
            "stalled WaitingForDaemon"),
        row(
            "what it said last is followed first",
            in(Phase.PreCopy).source(SourceReport.State.Switching).away("hv1").after(LATE),
            "become StopAndCopy"),
        row(
            "stands still, in grace",
            in(Phase.StopAndCopy).source(SourceReport.State.Switching).away("hv1"),
            "quiet 30"),
        row(
            "stands still for long, in grace",
            in(Phase.StopAndCopy).source(SourceReport.State.Switching).away("hv1", 60).after(LATE),
            "stalled Switching 29"),
        row(
            "stands still, too long",
            in(Phase.StopAndCopy).source(SourceReport.State.Switching).away("hv1").after(LATE),
            "stalled WaitingForDaemon"),
        row(
            "post-copy, too long",
            in(Phase.PostCopy).source(SourceReport.State.PostCopying).away("hv1").after(LATE),
            "stalled WaitingForDaemon"),
        row(
            "switched before it went",
            in(Phase.PreCopy)
                .source(SourceReport.State.Switched)
                .seen(sighting("hv2", State.Running))
                .away("hv1")
                .after(LATE),
            "become Commitment"),
        row(
            "can still be asked to end",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .stalled(Reason.WaitingForDaemon, AWAY)
                .away("hv1")
                .abort()
                .after(LATE),
            "fail AbortRequested"));
  }

  static Stream<Arguments> arrival() {
    return Arrays.stream(State.values())
        .flatMap(
            state -> {
              boolean there = Set.of(State.Running, State.Paused, State.ShutOff).contains(state);
              return Stream.of(
                  row(
                      "switched, seen as " + state,
                      in(Phase.PreCopy)
                          .source(SourceReport.State.Switched)
                          .seen(sighting("hv2", state)),
                      there ? "become Commitment" : "quiet 61"),
                  row(
                      "not switched, seen as " + state,
                      in(Phase.PreCopy)
                          .source(SourceReport.State.Transferring)
                          .seen(sighting("hv2", state)),
                      "quiet"),
                  row(
                      "abort too late, seen as " + state,
                      in(Phase.PreCopy)
                          .failure(Reason.AbortRequested)
                          .source(SourceReport.State.Switched)
                          .seen(sighting("hv2", state)),
                      there ? "become Commitment forget" : "become PreCopy forget"));
            });
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("stalls")
  void saysWhatIsMissing(String what, Facts facts, String expected) {
    assertThat(((Progress.Wait) Step.first(facts.context())).message()).isEqualTo(expected);
  }

  static Stream<Arguments> stalls() {
    String own = "the target's libvirt does not answer; it is looked at again";
    String none = "hv1 can't tell yet where the guest is; it keeps looking.";
    var pending = SourceReport.State.HandOverPending;
    return Stream.of(
        row(
            "source away",
            in(Phase.PreCopy).source(SourceReport.State.Transferring).away("hv1").after(LATE),
            AWAY),
        row("the source's own sentence", in(Phase.StopAndCopy).sourceSays(pending, own), own),
        row("without a sentence", in(Phase.StopAndCopy).sourceSays(pending, null), none),
        row("with an empty sentence", in(Phase.StopAndCopy).sourceSays(pending, " "), none),
        row(
            "the source's own sentence after an abort",
            in(Phase.PreCopy).failure(Reason.AbortRequested).sourceSays(pending, own),
            own),
        row(
            "without a sentence after an abort",
            in(Phase.PreCopy).failure(Reason.AbortRequested).sourceSays(pending, null),
            none));
  }

  static Stream<Arguments> ends() {
    return Stream.of(
        row("commits", in(Phase.Commitment).source(SourceReport.State.Switched), "quiet 60"),
        row(
            "commits for long",
            in(Phase.Commitment).source(SourceReport.State.Switched).after(LATE),
            "stalled WaitingForDaemon"),
        row("clean", in(Phase.Commitment).source(SourceReport.State.CleanedUp), "become Succeeded"),
        row("rests", in(Phase.Succeeded), "rest"),
        row("rests until its time is up", in(Phase.Failed).ttl(10), "rest 10"),
        row("outlived", in(Phase.Aborted).ttl(10).after(Duration.ofSeconds(10)), "delete"));
  }

  static Stream<Arguments> fencedSource() {
    return Stream.of(
        row(
            "what it saw last does not count",
            pending0().fenced("hv1"),
            "fail VirtualMachineNotRunning"),
        row(
            "nothing was made yet: told first",
            in(Phase.PreMigration).fenced("hv1"),
            "fail SourceHostLost"),
        row(
            "nothing was made yet: over",
            in(Phase.PreMigration).fenced("hv1").failure(Reason.SourceHostLost),
            "end SourceHostLost"),
        row(
            "lost in pre-copy",
            in(Phase.PreCopy).source(SourceReport.State.Transferring).fenced("hv1"),
            "fail SourceHostLost"),
        row(
            "an abort does not hide that the guest is gone",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .failure(Reason.AbortRequested)
                .fenced("hv1"),
            "fail SourceHostLost"),
        row(
            "the target has still to clean",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .target(TargetReport.State.Reserved)
                .failure(Reason.SourceHostLost)
                .fenced("hv1"),
            "wait CleaningUp 60"),
        row(
            "the target is clean",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .target(TargetReport.State.Clean)
                .failure(Reason.SourceHostLost)
                .fenced("hv1"),
            "end SourceHostLost"),
        row(
            "the target let the guest go on",
            in(Phase.StopAndCopy)
                .source(SourceReport.State.Switching)
                .target(TargetReport.State.Reserved)
                .failure(Reason.SourceHostLost)
                .seen(sighting("hv1", State.Outgoing), sighting("hv2", State.Running))
                .fenced("hv1"),
            "become Commitment forget"),
        row(
            "it had switched before, and was paused since",
            in(Phase.PreCopy)
                .source(SourceReport.State.Switched)
                .seen(sighting("hv2", State.Paused))
                .fenced("hv1"),
            "become Commitment forget"),
        row(
            "the target has settled that the guest is there",
            in(Phase.PreCopy)
                .source(SourceReport.State.Switching)
                .target(TargetReport.State.Settled)
                .failure(Reason.SourceHostLost)
                .seen(sighting("hv2", State.Paused))
                .fenced("hv1"),
            "become Commitment forget"),
        row(
            "a held copy has not arrived",
            in(Phase.PreCopy)
                .source(SourceReport.State.Switching)
                .seen(sighting("hv2", State.Paused))
                .fenced("hv1"),
            "fail SourceHostLost"),
        row(
            "what is left there is left there",
            in(Phase.Commitment).source(SourceReport.State.Switched).fenced("hv1"),
            "become Succeeded"),
        row(
            "both are lost",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .target(TargetReport.State.Reserved)
                .failure(Reason.SourceHostLost)
                .fenced("hv1")
                .fenced("hv2"),
            "end SourceHostLost"));
  }

  static Stream<Arguments> fencedTarget() {
    return Stream.of(
        row(
            "lost in pre-copy",
            in(Phase.PreCopy).source(SourceReport.State.Transferring).fenced("hv2"),
            "fail TargetHostLost"),
        row(
            "the source's word is still waited for",
            in(Phase.PreCopy)
                .source(SourceReport.State.Transferring)
                .failure(Reason.TargetHostLost)
                .fenced("hv2"),
            "wait CleaningUp 60"),
        row(
            "the guest is at the source; nobody has to clean",
            in(Phase.PreCopy)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Reserved)
                .failure(Reason.TargetHostLost)
                .fenced("hv2"),
            "end TargetHostLost"),
        row(
            "an abort ends, too",
            in(Phase.PreCopy)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Reserved)
                .failure(Reason.AbortRequested)
                .fenced("hv2"),
            "end AbortRequested"),
        row(
            "the guest had moved",
            in(Phase.PreCopy).source(SourceReport.State.Switched).fenced("hv2"),
            "fail TargetHostLost"),
        row(
            "the guest had moved, and that was told",
            in(Phase.PreCopy)
                .source(SourceReport.State.Switched)
                .failure(Reason.TargetHostLost)
                .fenced("hv2"),
            "end TargetHostLost"),
        row(
            "the guest is lost with it: an abort does not hide that",
            in(Phase.PreCopy)
                .source(SourceReport.State.GuestLost)
                .failure(Reason.AbortRequested)
                .fenced("hv2"),
            "fail GuestLost"),
        row(
            "in commitment the source tidies up as ever",
            in(Phase.Commitment).source(SourceReport.State.CleanedUp).fenced("hv2"),
            "become Succeeded"));
  }

  static Stream<Arguments> cleanUp() {
    return Stream.of(
        row(
            "nobody was involved",
            in(Phase.PreMigration).failure(Reason.DaemonNotResponding),
            "end DaemonNotResponding"),
        row(
            "probes may be there",
            in(Phase.PreMigration)
                .failure(Reason.CpuIncompatible)
                .source(SourceReport.State.Inspected),
            "wait CleaningUp 60"),
        row(
            "source refused; the target made nothing",
            in(Phase.PreMigration)
                .failure(Reason.HostDeviceAttached)
                .source(SourceReport.State.Refused),
            "end HostDeviceAttached"),
        row(
            "source first",
            in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.Transferring)
                .target(TargetReport.State.Clean),
            "wait CleaningUp 60"),
        row(
            "then the target",
            in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Reserved),
            "wait CleaningUp 60"),
        row(
            "target away for long",
            in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Reserved)
                .after(LATE),
            "stalled CleaningUp"),
        row(
            "all clean",
            in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Clean),
            "end AbortRequested"),
        row(
            "a refused reservation is clean",
            in(Phase.Reservation)
                .failure(Reason.InsufficientDiskSpace)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Refused),
            "end InsufficientDiskSpace"),
        row(
            "so is one with a plan",
            in(Phase.Reservation)
                .failure(Reason.VolumeExists)
                .source(SourceReport.State.Stopped)
                .refusedWithPlan("VolumeExists"),
            "end VolumeExists"),
        row(
            "too late",
            in(Phase.PreCopy).failure(Reason.AbortRequested).source(SourceReport.State.Switched),
            "become PreCopy forget"),
        row(
            "too late, and seen",
            in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.Switched)
                .seen(sighting("hv2", State.Running)),
            "become Commitment forget"),
        row(
            "lost is not aborted",
            in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.GuestLost, "GuestStopped"),
            "fail GuestStopped"),
        row(
            "lost and clean",
            in(Phase.PreCopy)
                .failure(Reason.GuestStopped)
                .source(SourceReport.State.GuestLost)
                .target(TargetReport.State.Clean),
            "end GuestStopped"),
        row(
            "in between, nobody destroys",
            in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.HandOverPending)
                .target(TargetReport.State.Reserved),
            "stalled HandOverFailed"));
  }

  static Stream<Arguments> abort() {
    return Stream.of(
        row("before anything", pending0().abort(), "fail AbortRequested"),
        row("in PreCopy", in(Phase.PreCopy).abort(), "fail AbortRequested"),
        row("deleted", in(Phase.Reservation).deleted(), "fail Deleted"),
        row(
            "once the guest has moved",
            in(Phase.PreCopy).abort().source(SourceReport.State.Switched).seen(),
            "quiet 61"),
        row(
            "a link that is silent is shown",
            in(Phase.PreCopy).source(SourceReport.State.Transferring, Reason.LinkSilent.name()),
            "stalled LinkSilent"),
        row(
            "a call that does not return is shown",
            in(Phase.StopAndCopy).source(SourceReport.State.Switching, Reason.TransferStuck.name()),
            "stalled TransferStuck"),
        row(
            "a post-copy that is broken is shown",
            in(Phase.PostCopy).source(SourceReport.State.PostCopying, Reason.PostCopyFailed.name()),
            "stalled PostCopyFailed"),
        row(
            "post-copy can't be undone, and that is said",
            in(Phase.PostCopy).deleted().source(SourceReport.State.PostCopying),
            "become PostCopy"),
        row(
            "once",
            in(Phase.PostCopy)
                .deleted()
                .source(SourceReport.State.PostCopying)
                .reconciling(Reason.AbortTooLate),
            "quiet"),
        row(
            "in Commitment",
            in(Phase.Commitment).deleted().source(SourceReport.State.Switched),
            "quiet 60"));
  }

  static Stream<Arguments> dryRun() {
    return Stream.of(
        row(
            "needs no slot",
            pending0()
                .dryRun()
                .peer("p", "a", Phase.PreCopy, "hv1", "hv2", 5)
                .peer("q", "b", Phase.PreCopy, "hv1", "hv2", 5),
            "become PreMigration hv1->hv2"),
        row(
            "takes no slot",
            pending0()
                .node("hv2", true, false, 1, 1, 1, Map.of())
                .peer("p", "a", Phase.PreMigration, "hv1", "hv2", 5)
                .thatIsADryRun(),
            "become PreMigration hv1->hv2"),
        row(
            "stands in nobody's way",
            pending0().peer("p", "vm", Phase.PreMigration, "hv1", "hv2", 5).thatIsADryRun(),
            "become PreMigration hv1->hv2"),
        row(
            "says that the VM is being moved",
            pending0().dryRun().peer("p", "vm", Phase.PreCopy, "hv1", "hv2", 5),
            "fail MigrationInProgress"),
        row("answers for now", pending0().dryRun().away("hv2"), "fail NoSuitableTarget"),
        row(
            "a closed host is asked nevertheless if it is named",
            pending0().dryRun().toNode("hv2").node("hv2", true, true, 2, 2, 1, Map.of()),
            "become PreMigration hv1->hv2"),
        row(
            "the first host fits, and the next one is asked, too",
            checked().node("hv3"),
            "become PreMigration null->hv3"),
        row("the last host fits", checked(), "become PreMigration"),
        row("the forecast is still to come", checked().noForecast(), "quiet 10"),
        row(
            "of a cold migration there is no forecast",
            checked().noForecast().cold(Shutdown.Never),
            "become PreMigration"),
        row(
            "there will be no forecast",
            checked().noForecast().after(Duration.ofSeconds(11)),
            "become PreMigration"),
        row("the probes are still there", checked().fits("hv2").allIsKnown(), "wait CleaningUp 60"),
        row(
            "the probes are gone",
            in(Phase.PreMigration)
                .dryRun()
                .fits("hv2")
                .allIsKnown()
                .source(SourceReport.State.Stopped),
            "become Succeeded null->hv2"),
        row(
            "the only host refuses",
            in(Phase.PreMigration)
                .dryRun()
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
            "fail CpuIncompatible"),
        row(
            "two hosts refuse",
            in(Phase.PreMigration)
                .dryRun()
                .tried("hv3", Reason.PoolMissing)
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
            "fail NoSuitableTarget"),
        row(
            "one of two fits",
            in(Phase.PreMigration)
                .dryRun()
                .fits("hv3")
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
            "become PreMigration"),
        row(
            "a closed host that was named",
            checked().toNode("hv2").node("hv2", true, true, 2, 2, 1, Map.of()),
            "fail TargetUnschedulable"),
        row(
            "a guest that can't move, to whatever host",
            checked().guestBlockedBy(Reason.SnapshotsPresent),
            "fail SnapshotsPresent"),
        row(
            "a host that never answers",
            checked().noTarget().after(LATE),
            "fail DaemonNotResponding"),
        row("waits for the host", checked().noTarget(), "quiet 60"),
        row("waits for the source to knock at it", checked().reach("hv3", true), "quiet 60"),
        row(
            "the source never knocks",
            checked().reach("hv3", true).after(LATE),
            "fail DaemonNotResponding"),
        row(
            "the source does not reach it",
            checked().reach("hv2", false),
            "fail ConnectionToTargetFailed"),
        row(
            "a firewall is in the way",
            checked().wayBlockedBy("hv2", Reason.MigrationPortUnreachable),
            "fail MigrationPortUnreachable"),
        row(
            "clocks that differ are no reason",
            checked().clock("hv1", 60_000),
            "become PreMigration"),
        row("is aborted", checked().abort(), "fail AbortRequested"));
  }

  private static Facts checked() {
    return in(Phase.PreMigration)
        .dryRun()
        .source(SourceReport.State.Inspected)
        .target(TargetReport.State.Checked);
  }

  @Test
  void aDryRunListsAllBlockersOfEachHostTheGuestsOwnFirst() {
    Facts facts =
        in(Phase.PreMigration)
            .dryRun()
            .node("hv3", true, true, 2, 2, 1, Map.of())
            .guestBlockedBy(Reason.SnapshotsPresent, Reason.HostDeviceAttached)
            .targetBlockedBy(Reason.InsufficientMemory, Reason.VolumeExists);
    var fail = (Progress.Fail) Step.first(facts.context());
    assertThat(fail.changes().candidates())
        .extracting(
            c ->
                c.nodeName()
                    + " "
                    + c.fits()
                    + " "
                    + c.blockers().stream().map(b -> b.reason()).toList())
        .containsExactly(
            "hv2 false [SnapshotsPresent, HostDeviceAttached, InsufficientMemory, VolumeExists]",
            "hv3 false [TargetUnschedulable]");
    assertThat(fail.changes().candidates())
        .allSatisfy(c -> assertThat(c.remedy()).isEqualTo(c.blockers().getFirst().remedy()));
  }

  @Test
  void whatShouldBeKnownOfAHostThatFitsIsTold() {
    Facts facts =
        checked().targetWarnsOf(Reason.CertificateExpired).clock("hv1", 1_000).clock("hv2", -4_000);
    var become = (Progress.Become) Step.first(facts.context());
    assertThat(become.changes().candidates())
        .singleElement()
        .satisfies(
            c -> {
              assertThat(c.fits()).isTrue();
              assertThat(c.warnings())
                  .extracting(w -> w.reason())
                  .containsExactly("CertificateExpired", "ClockSkew");
              assertThat(c.warnings().getLast().message())
                  .isEqualTo("the clock of hv2 is 5.0 s behind that of hv1");
            });
  }

  @Test
  void clocksAreNotBlamedForWhatTheMeasurementMayBeOffBy() {
    for (Facts facts :
        List.of(
            checked().clock("hv1", 0).clock("hv2", 1_900),
            checked().clock("hv1", 60_000),
            checked().clock("hv2", 60_000))) {
      var become = (Progress.Become) Step.first(facts.context());
      assertThat(become.changes().candidates()).allSatisfy(c -> assertThat(c.warnings()).isNull());
    }
  }

  @Test
  void aHostThatNeverAnswersIsNotBlamedOnTheSource() {
    Facts facts = checked().noTarget().reach("hv3", true).after(LATE);
    var fail = (Progress.Fail) Step.first(facts.context());
    assertThat(fail.failure().message()).contains("hv2").doesNotContain("hv1");
  }

  @Test
  void aHostWhoseOwnFactsSpeakAgainstTheGuestIsNotAsked() {
    Facts facts =
        checked()
            .host("hv2", "10.0.2", 1L << 30)
            .node("hv3")
            .host("hv3", "7.2.19", 1L << 28)
            .guestOnMachine("pc-q35-10.0");
    var become = (Progress.Become) Step.first(facts.context());
    assertThat(become.reason()).isEqualTo(Reason.CleaningUp);
    assertThat(become.changes().candidates())
        .filteredOn(c -> c.nodeName().equals("hv3"))
        .singleElement()
        .satisfies(
            c ->
                assertThat(c.blockers())
                    .extracting(b -> b.reason())
                    .containsExactly("MachineTypeUnsupported", "InsufficientMemory"));
  }

  @Test
  void theRejectedAreListedWithReasons() {
    Facts facts =
        pending0()
            .node("hv2", true, true, 2, 2, 1, Map.of())
            .node("hv3", true, true, 2, 2, 1, Map.of())
            .away("hv4")
            .after(Duration.ofSeconds(31));
    var fail = (Progress.Fail) Step.first(facts.context());
    assertThat(fail.changes().candidates())
        .filteredOn(c -> !c.nodeName().equals("hv2"))
        .extracting(c -> c.nodeName() + " " + c.reason())
        .containsExactly("hv3 TargetUnschedulable", "hv4 TargetNotReady");
  }

  @Test
  void aGuestThatWasShutOffSinceItArrivedIsNotSaidToRun() {
    var clean = in(Phase.Commitment).source(SourceReport.State.CleanedUp);
    var runs = (Progress.Become) Step.first(clean.seen(sighting("hv2", State.Running)).context());
    assertThat(runs.message()).isEqualTo("The guest runs at hv2 and nowhere else.");
    var off = (Progress.Become) Step.first(clean.seen(sighting("hv2", State.ShutOff)).context());
    assertThat(off.phase()).isEqualTo(Phase.Succeeded);
    assertThat(off.message())
        .isEqualTo("The guest has moved to hv2, and has been shut off there since.");
  }

  private static Facts pending0() {
    return in(Phase.Pending);
  }

  private static Arguments row(String what, Facts facts, String expected) {
    return Arguments.of(what, facts, expected);
  }

  private static String words(Progress progress) {
    return switch (progress) {
      case Progress.Proceed _ -> "proceed";
      case Progress.Quiet q -> "quiet" + seconds(q.recheckAfter().orElse(null));
      case Progress.Wait w ->
          (w.stalled() ? "stalled " : "wait ")
              + w.reason()
              + seconds(w.recheckAfter().orElse(null))
              + (w.changes().queue() == null || w.changes().queue().position() == null
                  ? ""
                  : " position " + w.changes().queue().position());
      case Progress.Become b ->
          "become "
              + b.phase()
              + (b.changes().targetNode() == null
                  ? ""
                  : " " + b.changes().sourceNode() + "->" + b.changes().targetNode())
              + (b.changes().forgetFailure() ? " forget" : "");
      case Progress.Fail f -> "fail " + f.failure().reason();
      case Progress.End e -> "end " + e.failure().reason();
      case Progress.Rest r -> "rest" + seconds(r.recheckAfter().orElse(null));
      case Progress.Delete _ -> "delete";
    };
  }

  private static String seconds(Duration duration) {
    return duration == null ? "" : " " + duration.toSeconds();
  }
}
