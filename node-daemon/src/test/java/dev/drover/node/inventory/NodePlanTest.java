package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.inventory.NodePlan.Step;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NodePlanTest {
  private static final Instant T0 = Instant.parse("2026-11-23T10:00:00Z");
  private static final Duration LONGEST = Duration.ofSeconds(10);
  private static final long GIB = 1L << 30;

  private final NodePlan plan = new NodePlan("192.0.2.1");

  private void observe(int running, long available, boolean active) {
    var domains =
        IntStream.range(0, running)
            .mapToObj(i -> FakeHypervisor.running(new UUID(0, i), "vm" + i))
            .toList();
    plan.observe(
        FakeHypervisor.HOST,
        domains,
        List.of(new PoolState("default", active, true, 100 * GIB, available)));
  }

  private HypervisorNodeStatus applied(Instant now) {
    var step = plan.next(now, LONGEST);
    assertThat(step).isInstanceOf(Step.Apply.class);
    var status = ((Step.Apply) step).status();
    plan.applied(status, now);
    return status;
  }

  private HypervisorNodeStatus written() {
    plan.connected(true);
    observe(2, 50 * GIB, true);
    plan.read(Optional.empty(), T0);
    return applied(T0);
  }

  private static Condition connection(HypervisorNodeStatus status) {
    return status.condition(ConditionType.LibvirtConnected).orElseThrow();
  }

  @Test
  void saysNothingBeforeItKnowsAnything() {
    assertThat(plan.next(T0, LONGEST)).isEqualTo(new Step.Wait(LONGEST));
    plan.connected(true);
    assertThat(plan.next(T0, LONGEST)).isEqualTo(new Step.Wait(LONGEST));
  }

  @Test
  void writesWhatTheHostIs() {
    var status = written();

    assertThat(status.migrationAddress()).isEqualTo("192.0.2.1");
    assertThat(status.guests()).isEqualTo(2);
    assertThat(status.guestMemoryBytes()).isEqualTo(2 * GIB);
    assertThat(connection(status).isTrue()).isTrue();
    assertThat(plan.next(T0, LONGEST)).isInstanceOf(Step.Wait.class);
  }

  @Test
  void aRestartWritesNothingIfNothingHasChanged() {
    var status = written();
    var restarted = new NodePlan("192.0.2.1");
    restarted.connected(true);
    restarted.observe(
        FakeHypervisor.HOST,
        List.of(
            FakeHypervisor.running(new UUID(0, 1), "a"),
            FakeHypervisor.running(new UUID(0, 2), "b")),
        List.of(new PoolState("default", true, true, 100 * GIB, 50 * GIB)));
    assertThat(restarted.next(T0, LONGEST)).isEqualTo(new Step.Read());
    restarted.read(Optional.of(status), T0.plusSeconds(60));

    assertThat(restarted.next(T0.plusSeconds(60), LONGEST)).isInstanceOf(Step.Wait.class);
  }

  @Test
  void aConnectionIsNewsAtOnceAndKeepsTheFacts() {
    written();
    plan.connected(false);
    var lost = applied(T0.plusSeconds(1));
    assertThat(connection(lost).status()).isEqualTo(Condition.FALSE);
    assertThat(connection(lost).reason()).isEqualTo("LibvirtUnavailable");
    assertThat(connection(lost).lastTransitionTime()).isEqualTo("2026-11-23T10:00:01Z");
    assertThat(lost.qemuVersion()).isEqualTo("10.0.2");

    plan.connected(true);
    assertThat(connection(applied(T0.plusSeconds(2))).isTrue()).isTrue();
  }

  @Test
  void withoutLibvirtWhatAnEarlierProcessFoundStaysSaid() {
    var status = written();
    var restarted = new NodePlan("192.0.2.1");
    restarted.connected(false);
    restarted.read(Optional.of(status), T0);

    var step = (Step.Apply) restarted.next(T0, LONGEST);

    assertThat(step.status().hostUuid()).isEqualTo(FakeHypervisor.HOST.hostUuid().toString());
    assertThat(connection(step.status()).status()).isEqualTo(Condition.FALSE);
  }

  @Test
  void aClockIsNewsAtOnceWhenItIsOffByMuchMoreThanWasTold() {
    written();
    plan.clockOffset(250);
    assertThat(applied(T0.plusSeconds(1)).clockOffsetMilliseconds()).isEqualTo(250);
    plan.clockOffset(-700);
    assertThat(plan.next(T0.plusSeconds(2), LONGEST)).isInstanceOf(Step.Wait.class);
    plan.clockOffset(42_000);
    var status = applied(T0.plusSeconds(3));
    assertThat(status.clockOffsetMilliseconds()).isEqualTo(42_000);

    // The next life has not measured it yet, and says what was said.
    var restarted = new NodePlan("192.0.2.1");
    restarted.connected(false);
    restarted.read(Optional.of(status), T0);
    var step = (Step.Apply) restarted.next(T0, LONGEST);
    assertThat(step.status().clockOffsetMilliseconds()).isEqualTo(42_000);
  }

  @Test
  void figuresAreWrittenAtMostEveryThirtySeconds() {
    written();
    observe(3, 50 * GIB, true);
    assertThat(plan.next(T0.plusSeconds(1), LONGEST)).isEqualTo(new Step.Wait(LONGEST));
    assertThat(plan.next(T0.plusSeconds(29), LONGEST))
        .isEqualTo(new Step.Wait(Duration.ofSeconds(1)));

    assertThat(applied(T0.plusSeconds(30)).guests()).isEqualTo(3);
  }

  @Test
  void aPoolThatGoesAwayIsNewsAtOnce() {
    written();
    observe(2, 50 * GIB, false);

    assertThat(applied(T0.plusSeconds(1)).pools().getFirst().active()).isFalse();
  }

  @Test
  void roomInAPoolStaysStillWhenLittleHappens() {
    written();
    observe(2, 50 * GIB + 5_000_000, true);

    assertThat(plan.next(T0.plusSeconds(45), LONGEST)).isInstanceOf(Step.Wait.class);
  }

  @Test
  void anObjectThatWasRemovedIsMadeAgain() {
    written();
    assertThat(plan.next(T0.plusSeconds(60), LONGEST)).isEqualTo(new Step.Read());
    plan.read(Optional.empty(), T0.plusSeconds(60));

    assertThat(plan.next(T0.plusSeconds(60), LONGEST)).isInstanceOf(Step.Apply.class);
  }

  @Test
  void onlyActiveGuestsCount() {
    plan.connected(true);
    plan.observe(
        FakeHypervisor.HOST,
        List.of(
            FakeHypervisor.running(new UUID(0, 1), "a"),
            FakeHypervisor.in(
                FakeHypervisor.running(new UUID(0, 2), "b"), Run.ShutOff, "shutdown")),
        List.of());
    plan.read(Optional.empty(), T0);

    assertThat(applied(T0).guests()).isEqualTo(1);
  }
}
