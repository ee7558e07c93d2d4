package dev.drover.node.convergence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConvergenceTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(600);
  private static final TransferPolicy ABORT = policy(500, OnTimeout.Abort, false);
  private static final TransferPolicy PAUSE = policy(500, OnTimeout.Pause, false);
  private static final TransferPolicy POST_COPY = policy(500, OnTimeout.PostCopy, true);
  private static final Duration FIRST = Convergence.firstDowntime(ABORT);
  private static final Duration LONGEST = Convergence.longestDowntime(ABORT);

  private static TransferPolicy policy(int downtime, OnTimeout onTimeout, boolean postCopy) {
    return new TransferPolicy(
        Duration.ofMillis(downtime), TIMEOUT, onTimeout, postCopy, false, Switchover.Automatic);
  }

  private static TransferPolicy forced(Switchover switchover, boolean postCopy) {
    return new TransferPolicy(
        Duration.ofMillis(500), TIMEOUT, OnTimeout.Abort, postCopy, false, switchover);
  }

  /** Writes 30 MiB/s more than the link brings into the same 600 MiB, for a minute. */
  private static Looks hopeless(Duration allowed) {
    var looks = new Looks(allowed).first();
    for (int i = 0; i < 12; i++) {
      looks.pass(600, 130);
    }
    return looks.beginning(600, 130);
  }

  @Test
  void whatTheStopItselfTakesIsKeptFree() {
    assertThat(LONGEST).isEqualTo(Duration.ofMillis(314));
    assertThat(FIRST).isEqualTo(Duration.ofMillis(62));
    assertThat(Convergence.longestDowntime(policy(5000, OnTimeout.Abort, false)))
        .isEqualTo(Duration.ofMillis(4139));
    assertThat(Convergence.longestDowntime(policy(100, OnTimeout.Abort, false)))
        .isEqualTo(Duration.ofMillis(59));
    assertThat(Convergence.firstDowntime(policy(1, OnTimeout.Abort, false)))
        .isEqualTo(Duration.ofMillis(1));
  }

  @Test
  void nothingIsDecidedWithoutMeasurements() {
    assertThat(Convergence.decide(ABORT, List.of())).isEqualTo(new Decision.Continue());
  }

  @Test
  void aGuestThatShrinksQuicklyIsLeftAlone() {
    var looks = new Looks(FIRST).first().pass(400, 10).pass(40, 10);
    assertThat(looks.decide(ABORT)).isEqualTo(new Decision.Continue());
  }

  @Test
  void nothingIsDecidedAboutAGuestThatIsJustAboutToSwitch() {
    var looks = new Looks(FIRST).first().pass(5, 4).beginning(5, 4);
    assertThat(looks.decide(ABORT)).isEqualTo(new Decision.Continue());
  }

  @Test
  void aLongerStopIsAllowedWhenItSavesTime() {
    // It shrinks by 30 MiB/s; 30 MiB fit, and 28 more would take a second.
    var looks = new Looks(FIRST).first().beginning(30, 70);
    assertThat(looks.decide(ABORT))
        .isInstanceOfSatisfying(
            Decision.AllowDowntime.class, d -> assertThat(d.downtime()).isEqualTo(LONGEST));
  }

  @Test
  void aLongerStopIsNotAllowedBeforeTheRestFits() {
    var looks = new Looks(FIRST).first().beginning(100, 70);
    assertThat(looks.decide(ABORT)).isEqualTo(new Decision.Continue());
  }

  @Test
  void aGuestThatHardlyShrinksIsTakenAtTheFirstMomentThatFits() {
    var looks = new Looks(FIRST).first().pass(400, 95).beginning(380, 95);
    assertThat(looks.decide(ABORT))
        .isInstanceOfSatisfying(
            Decision.AllowDowntime.class,
            d -> {
              assertThat(d.downtime()).isEqualTo(LONGEST);
              assertThat(d.because()).contains("380 MiB").contains("400");
            });
    assertThat(looks.allowing(LONGEST).beginning(361, 95).decide(ABORT))
        .isEqualTo(new Decision.Continue());
  }

  @Test
  void aLimitThatWasLoweredIsObeyedAtOnce() {
    var looks = new Looks(LONGEST).copyingDisks(Duration.ofSeconds(1));
    assertThat(looks.decide(policy(100, OnTimeout.Abort, false)))
        .isInstanceOfSatisfying(
            Decision.AllowDowntime.class,
            d -> assertThat(d.downtime()).isEqualTo(Duration.ofMillis(59)));
  }

  @Test
  void aGuestThatGoesOnEvenlyIsGivenUpEarly() {
    assertThat(hopeless(LONGEST).decide(ABORT))
        .isInstanceOfSatisfying(
            Decision.GiveUp.class,
            d -> {
              assertThat(d.reason()).isEqualTo(Reason.WillNotConverge);
              assertThat(d.because())
                  .contains("130 MiB/s")
                  .contains("100 MiB/s")
                  .contains("600 MiB")
                  .contains("31 MiB");
            });
  }

  @Test
  void itIsNotGivenUpBeforeAllElseWasTried() {
    assertThat(hopeless(FIRST).decide(ABORT)).isInstanceOf(Decision.AllowDowntime.class);
  }

  @Test
  void threePassesAloneAreNoEvidenceIfTheyWereShort() {
    var looks = new Looks(LONGEST).first().pass(600, 130).pass(600, 130).pass(600, 130);
    assertThat(looks.beginning(600, 130).decide(ABORT)).isEqualTo(new Decision.Continue());
  }

  @Test
  void aGuestThatWritesInBurstsMayHaveACalmMomentYet() {
    var looks = new Looks(LONGEST).first();
    for (int i = 0; i < 8; i++) {
      looks.pass(600, 130).pass(200, 30);
    }
    assertThat(looks.beginning(600, 130).decide(ABORT)).isEqualTo(new Decision.Continue());
  }

  @Test
  void aGuestThatComesNearMayGetThereByLuck() {
    var looks = new Looks(LONGEST).first();
    for (int i = 0; i < 100; i++) {
      looks.pass(45, 130);
    }
    assertThat(looks.beginning(45, 130).decide(ABORT)).isEqualTo(new Decision.Continue());
  }

  @Test
  void aGuestThatShrinksSlowlyIsWaitedFor() {
    var looks = new Looks(LONGEST).first();
    for (long left = 1500; left > 300; left = left * 95 / 100) {
      looks.pass(left, 95);
      assertThat(looks.decide(ABORT)).isEqualTo(new Decision.Continue());
    }
  }

  @Test
  void autoConvergeIsGivenItsTime() {
    var policy =
        new TransferPolicy(
            Duration.ofMillis(500), TIMEOUT, OnTimeout.Abort, false, true, Switchover.Automatic);
    assertThat(hopeless(LONGEST).throttled(60).beginning(600, 130).decide(policy))
        .isEqualTo(new Decision.Continue());
    assertThat(hopeless(LONGEST).throttled(99).beginning(600, 130).decide(policy))
        .isInstanceOf(Decision.GiveUp.class);
  }

  @Test
  void aGuestThatOutrunsTheLinkGoesToPostCopyWithinThreeIterations() {
    var looks = new Looks(LONGEST).first().pass(600, 130).pass(600, 130);
    assertThat(looks.decide(POST_COPY)).isEqualTo(new Decision.Continue());
    assertThat(looks.beginning(600, 130).decide(POST_COPY))
        .isInstanceOfSatisfying(
            Decision.StartPostCopy.class,
            d -> assertThat(d.because()).contains("130 MiB/s").contains("100 MiB/s"));
  }

  @Test
  void whereItMayBePausedItIsAtTheLastGoodMoment() {
    var looks = hopeless(LONGEST);
    assertThat(looks.decide(PAUSE)).isEqualTo(new Decision.Continue());
    looks.at(Duration.ofSeconds(541)).beginning(640, 130);
    assertThat(looks.decide(PAUSE)).isEqualTo(new Decision.Continue());
    looks.beginning(605, 130);
    assertThat(looks.decide(PAUSE)).isInstanceOf(Decision.Pause.class);
  }

  @Test
  void atTheTimeoutItEnds() {
    var looks = hopeless(FIRST).at(TIMEOUT).beginning(600, 10);
    assertThat(looks.decide(ABORT))
        .isInstanceOfSatisfying(
            Decision.GiveUp.class,
            d -> {
              assertThat(d.reason()).isEqualTo(Reason.CompletionTimeout);
              assertThat(d.because()).contains("not over after 600 s");
            });
    assertThat(looks.decide(PAUSE)).isInstanceOf(Decision.Pause.class);
    assertThat(looks.decide(POST_COPY)).isInstanceOf(Decision.StartPostCopy.class);
  }

  @Test
  void whileDisksAreCopiedItCanOnlyBeGivenUp() {
    var looks = new Looks(FIRST).at(TIMEOUT).copyingDisks(Duration.ofMillis(200));
    assertThat(looks.decide(PAUSE)).isInstanceOf(Decision.GiveUp.class);
    assertThat(looks.decide(POST_COPY)).isInstanceOf(Decision.GiveUp.class);
    var early = new Looks(FIRST).copyingDisks(Duration.ofMillis(200));
    assertThat(early.decide(forced(Switchover.Pause, false))).isEqualTo(new Decision.Continue());
  }

  @Test
  void aPersonCanForceTheSwitchoverOnceMemoryIsOnItsWay() {
    var looks = new Looks(FIRST).first();
    assertThat(looks.decide(forced(Switchover.Pause, false))).isInstanceOf(Decision.Pause.class);
    assertThat(looks.decide(forced(Switchover.PostCopy, true)))
        .isInstanceOf(Decision.StartPostCopy.class);
    assertThat(looks.decide(forced(Switchover.PostCopy, false))).isEqualTo(new Decision.Continue());
  }
}
