package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.inventory.SightingPlan.Step;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SightingPlanTest {
  private static final Instant T0 = Instant.parse("2026-11-23T10:00:00Z");
  private static final UUID VM = UUID.fromString("6d8a2b1e-0000-4000-8000-000000000001");
  private static final Place PLACE = new Place("default", "web", "uid-1");
  private static final DomainState RUNNING = FakeHypervisor.running(VM, "web");

  private final SightingPlan plan = new SightingPlan(VM, "host-a");

  private static DomainState in(Run run) {
    return FakeHypervisor.in(RUNNING, run, "x");
  }

  private static Instant after(long milliseconds) {
    return T0.plusMillis(milliseconds);
  }

  private void observe(Run run, Instant at) {
    plan.observe(Optional.of(in(run)), at);
  }

  /** The plan knows its object, and has reported that state. */
  private void reported(Run run, Instant at) {
    observe(run, at);
    plan.located(PLACE, Optional.empty(), at);
    plan.reported(sightingIn(plan.next(at.plusSeconds(10))), at);
  }

  private static Optional<Sighting> sightingIn(Step step) {
    assertThat(step).isInstanceOf(Step.Report.class);
    return ((Step.Report) step).sighting();
  }

  private static State stateIn(Step step) {
    return sightingIn(step).orElseThrow().state();
  }

  private static Duration waitIn(Step step) {
    assertThat(step).isInstanceOf(Step.Wait.class);
    return ((Step.Wait) step).delay();
  }

  @Test
  void aNewDomainIsLookedUpThenCreatedThenReported() {
    observe(Run.Running, T0);
    assertThat(plan.next(T0)).isEqualTo(new Step.Locate(VM));

    plan.missing(T0);
    assertThat(plan.next(T0)).isEqualTo(new Step.Create(VM, in(Run.Running), true));

    plan.located(PLACE, Optional.empty(), T0);
    assertThat(sightingIn(plan.next(T0)))
        .contains(
            new Sighting("host-a", State.Running, "x", true, 1L << 30, 2, "2026-11-23T10:00:00Z"));
  }

  @Test
  void whatIsWrittenIsNotWrittenAgain() {
    reported(Run.Running, T0);
    observe(Run.Running, after(30_000));

    assertThat(waitIn(plan.next(after(30_000)))).isPositive();
  }

  @Test
  void anArrivalIsLookedUpAtOnceButWrittenOnlyWhenItLasts() {
    observe(Run.StartingUp, T0);
    assertThat(plan.next(T0)).isEqualTo(new Step.Locate(VM));
    plan.located(PLACE, Optional.empty(), T0);

    observe(Run.PausedForMigration, after(500));

    assertThat(waitIn(plan.next(after(9_999)))).isEqualTo(Duration.ofMillis(1));
    assertThat(stateIn(plan.next(after(10_000)))).isEqualTo(State.Incoming);
  }

  @Test
  void aFastArrivalCostsOneWriteAndItIsNotDelayed() {
    observe(Run.PausedForMigration, T0);
    plan.located(PLACE, Optional.empty(), T0);
    assertThat(waitIn(plan.next(after(2_000)))).isPositive();

    observe(Run.Running, after(2_000));

    assertThat(stateIn(plan.next(after(2_000)))).isEqualTo(State.Running);
  }

  @Test
  void anArrivalThatFailsCostsNothing() {
    observe(Run.PausedForMigration, T0);
    plan.located(PLACE, Optional.empty(), T0);
    plan.observe(Optional.empty(), after(1_000));

    assertThat(plan.next(after(1_000))).isEqualTo(new Step.Forget(VM));
  }

  @Test
  void whoRanHereBeforeIsOnItsWayOut() {
    reported(Run.Running, T0);
    observe(Run.PausedForMigration, after(1_000));

    assertThat(waitIn(plan.next(after(1_000)))).isEqualTo(SightingState.TRANSIT);
    assertThat(stateIn(plan.next(after(11_000)))).isEqualTo(State.Outgoing);
  }

  @Test
  void leavingCostsOneWrite() {
    reported(Run.Running, T0);
    observe(Run.PausedForMigration, after(1_000));
    observe(Run.ShutOff, after(1_100));
    assertThat(waitIn(plan.next(after(1_100)))).isEqualTo(SightingState.LEAVING);
    plan.observe(Optional.empty(), after(1_200));
    assertThat(waitIn(plan.next(after(1_200)))).isEqualTo(SightingState.LEAVING);

    assertThat(plan.next(after(1_500))).isEqualTo(new Step.Report(VM, PLACE, Optional.empty()));

    plan.reported(Optional.empty(), after(1_510));
    assertThat(plan.next(after(1_510))).isEqualTo(new Step.Forget(VM));
  }

  @Test
  void sinceChangesOnlyWithTheState() {
    reported(Run.Running, T0);
    plan.observe(
        Optional.of(new DomainState(VM, "web", Run.Running, "unpaused", true, 2L << 30, 2, null)),
        after(5_000));

    assertThat(waitIn(plan.next(after(5_000)))).isEqualTo(SightingPlan.DETAILS);
    var sighting = sightingIn(plan.next(after(15_000))).orElseThrow();
    assertThat(sighting.memoryBytes()).isEqualTo(2L << 30);
    assertThat(sighting.since()).isEqualTo(T0.toString());
  }

  @Test
  void aSwitchoverThatCameToNothingIsNotWritten() {
    reported(Run.Running, T0);
    observe(Run.PausedForMigration, after(1_000));
    observe(Run.Running, after(2_000));

    assertThat(waitIn(plan.next(after(20_000)))).isPositive();
  }

  @Test
  void aRestartWritesNothingIfNothingHasChanged() {
    var own = new Sighting("host-a", State.Running, "x", true, 1L << 30, 2, "2026-11-20T00:00:00Z");
    plan.located(PLACE, Optional.of(own), T0);
    observe(Run.Running, after(50));

    assertThat(waitIn(plan.next(after(50)))).isPositive();
  }

  @Test
  void aRestartInTheMiddleOfASwitchoverKnowsTheDirection() {
    var own = new Sighting("host-a", State.Running, "x", true, 1L << 30, 2, "2026-11-20T00:00:00Z");
    observe(Run.PausedForMigration, T0); // libvirt was faster than the API server
    assertThat(plan.state()).contains(State.Incoming);

    plan.located(PLACE, Optional.of(own), after(100));

    assertThat(plan.state()).contains(State.Outgoing);
  }

  @Test
  void whoComesBackBeforeItsLeavingWasWrittenIsNotLeftRunning() {
    reported(Run.Running, T0);
    plan.observe(Optional.empty(), after(1_000));
    observe(Run.PausedForMigration, after(1_100));

    assertThat(plan.state()).contains(State.Incoming);
    assertThat(waitIn(plan.next(after(1_100)))).isEqualTo(SightingState.LEAVING);
    assertThat(stateIn(plan.next(after(1_400)))).isEqualTo(State.Incoming);
  }

  @Test
  void anObjectThatIsGoneIsLookedUpAndMadeAgain() {
    reported(Run.Running, T0);
    plan.lost();
    assertThat(plan.next(after(100))).isEqualTo(new Step.Locate(VM));
    plan.missing(after(200));

    assertThat(plan.next(after(200))).isInstanceOf(Step.Create.class);
  }

  @Test
  void anObjectIsConfirmedFromTimeToTime() {
    reported(Run.Running, T0);

    assertThat(waitIn(plan.next(after(599_000)))).isEqualTo(Duration.ofSeconds(1));
    assertThat(plan.next(after(600_000))).isEqualTo(new Step.Locate(VM));
  }

  @Test
  void whatIsRefusedIsTriedMoreAndMoreSeldomUntilTheStateChanges() {
    observe(Run.Running, T0);
    plan.refused(T0);
    assertThat(waitIn(plan.next(T0))).isEqualTo(Duration.ofSeconds(1));
    plan.refused(after(1_000));
    assertThat(waitIn(plan.next(after(1_000)))).isEqualTo(Duration.ofSeconds(2));

    observe(Run.Paused, after(1_100));

    assertThat(plan.next(after(1_100))).isInstanceOf(Step.Locate.class);
  }

  @Test
  void aClockThatWasSetBackDelaysNothing() {
    reported(Run.Running, T0);
    plan.observe(Optional.empty(), T0);

    assertThat(plan.next(T0.minusSeconds(3600))).isInstanceOf(Step.Report.class);
  }

  @Test
  void postCopyRunsAtTheTargetAndLeavesTheSource() {
    assertThat(SightingState.of(Run.RunningPostCopy, Optional.empty())).isEqualTo(State.Running);
    assertThat(SightingState.of(Run.PausedForPostCopy, Optional.empty())).isEqualTo(State.Outgoing);
    assertThat(SightingState.of(Run.PausedForMigration, Optional.of(State.ShutOff)))
        .isEqualTo(State.Incoming);
  }
}
