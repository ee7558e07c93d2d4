package dev.drover.node.convergence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

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
      new TransferPolicy(false, Duration.ofSeconds(60), false);
  private static final TransferPolicy POST_COPY =
      new TransferPolicy(true, Duration.ofSeconds(60), false);
  private static final TransferPolicy POST_COPY_ON_TIMEOUT =
      new TransferPolicy(true, Duration.ofSeconds(60), true);

  private static Sample sample(int seconds, int iteration, long sent, long dirty) {
    return new Sample(Duration.ofSeconds(seconds), iteration, 100 * MIB, sent * MIB, dirty * MIB);
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
  void postCopyAtTheTimeoutNeedsPostCopy() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TransferPolicy(false, Duration.ofSeconds(1), true));
  }

  @Property
  void itNeverSwitchesWithoutPermissionAndAlwaysEndsByTheTimeout(
      @ForAll @IntRange(max = 7200) int seconds,
      @ForAll @IntRange(max = 100) int iteration,
      @ForAll @LongRange(max = 100_000) long sent,
      @ForAll @LongRange(max = 100_000) long dirty,
      @ForAll boolean allowed) {
    var policy = new TransferPolicy(allowed, Duration.ofSeconds(3600), false);
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
