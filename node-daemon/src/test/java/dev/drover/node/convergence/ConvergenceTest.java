package dev.drover.node.convergence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.time.Duration;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class ConvergenceTest {
  private static final long MIB = 1 << 20;
  private static final TransferPolicy PRE_COPY_ONLY =
      policy(OnTimeout.Abort, false, Switchover.Automatic);
  private static final TransferPolicy POST_COPY =
      policy(OnTimeout.Abort, true, Switchover.Automatic);
  private static final TransferPolicy POST_COPY_ON_TIMEOUT =
      policy(OnTimeout.PostCopy, true, Switchover.Automatic);

  private static TransferPolicy policy(
      OnTimeout onTimeout, boolean postCopy, Switchover switchover) {
    return new TransferPolicy(
        Duration.ofMillis(500), Duration.ofSeconds(60), onTimeout, postCopy, switchover);
  }

  private static Sample sample(int seconds, int iteration, long sent, long dirty) {
    return new Sample(
        Duration.ofSeconds(seconds),
        iteration,
        1024 * MIB,
        100 * MIB,
        sent * MIB,
        dirty * MIB,
        Duration.ofMillis(500),
        0);
  }

  @Test
  void aGuestThatConvergesIsLeftAlone() {
    assertThat(Convergence.decide(POST_COPY, List.of(sample(10, 5, 100, 20))))
        .isEqualTo(new Decision.Continue());
  }

  @Test
  void aGuestThatOutrunsTheLinkGoesToPostCopyAfterThreeIterations() {
    assertThat(Convergence.decide(POST_COPY, List.of(sample(10, 2, 10, 40))))
        .isEqualTo(new Decision.Continue());
    assertThat(Convergence.decide(POST_COPY, List.of(sample(10, 3, 10, 40))))
        .isInstanceOfSatisfying(
            Decision.StartPostCopy.class,
            d -> assertThat(d.because()).contains("40 MiB/s").contains("10 MiB/s"));
  }

  @Test
  void withoutPermissionItWaitsAndGivesUpAtTheTimeout() {
    assertThat(Convergence.decide(PRE_COPY_ONLY, List.of(sample(59, 30, 10, 40))))
        .isEqualTo(new Decision.Continue());
    assertThat(Convergence.decide(PRE_COPY_ONLY, List.of(sample(60, 30, 10, 40))))
        .isInstanceOfSatisfying(
            Decision.GiveUp.class, d -> assertThat(d.because()).contains("not over after 60 s"));
  }

  @Test
  void atTheTimeoutPostCopyNeedsMemoryToBeOnItsWay() {
    assertThat(Convergence.decide(POST_COPY_ON_TIMEOUT, List.of(sample(60, 1, 10, 1))))
        .isInstanceOf(Decision.StartPostCopy.class);
    assertThat(Convergence.decide(POST_COPY_ON_TIMEOUT, List.of(sample(60, 0, 0, 0))))
        .isInstanceOf(Decision.GiveUp.class);
  }

  @Test
  void atTheTimeoutTheGuestIsStoppedIfThatIsAllowed() {
    var policy = policy(OnTimeout.Pause, false, Switchover.Automatic);
    assertThat(Convergence.decide(policy, List.of(sample(60, 1, 10, 40))))
        .isInstanceOf(Decision.Pause.class);
    assertThat(Convergence.decide(policy, List.of(sample(60, 0, 0, 0))))
        .isInstanceOf(Decision.GiveUp.class);
  }

  @Test
  void aPersonCanForceTheSwitchoverOnceMemoryIsOnItsWay() {
    var pause = policy(OnTimeout.Abort, false, Switchover.Pause);
    assertThat(Convergence.decide(pause, List.of(sample(5, 0, 0, 0))))
        .isEqualTo(new Decision.Continue());
    assertThat(Convergence.decide(pause, List.of(sample(5, 1, 10, 40))))
        .isInstanceOf(Decision.Pause.class);
    var postCopy = policy(OnTimeout.Abort, true, Switchover.PostCopy);
    assertThat(Convergence.decide(postCopy, List.of(sample(5, 1, 10, 1))))
        .isInstanceOf(Decision.StartPostCopy.class);
    var impossible = policy(OnTimeout.Abort, false, Switchover.PostCopy);
    assertThat(Convergence.decide(impossible, List.of(sample(5, 1, 10, 1))))
        .isEqualTo(new Decision.Continue());
  }

  @Property
  void itNeverSwitchesWithoutPermissionAndAlwaysEndsByTheTimeout(
      @ForAll @IntRange(max = 7200) int seconds,
      @ForAll @IntRange(max = 100) int iteration,
      @ForAll @LongRange(max = 100_000) long sent,
      @ForAll @LongRange(max = 100_000) long dirty,
      @ForAll boolean allowed) {
    var policy =
        new TransferPolicy(
            Duration.ofMillis(500),
            Duration.ofSeconds(3600),
            OnTimeout.Abort,
            allowed,
            Switchover.Automatic);
    var decision = Convergence.decide(policy, List.of(sample(seconds, iteration, sent, dirty)));
    if (decision instanceof Decision.StartPostCopy) {
      assertThat(allowed).isTrue();
      assertThat(iteration).isPositive();
    }
    if (seconds >= 3600) {
      assertThat(decision).isNotInstanceOf(Decision.Continue.class);
    }
  }
}
