package dev.drover.node.handover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.handover.Evidence.Written;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class HandOverTest {
  /** What the target says of a guest that has no process there. */
  private static final Set<TargetView> ENDED =
      EnumSet.of(TargetView.Absent, TargetView.ArrivedAndOff, TargetView.Discarded);

  static Stream<Evidence> everything() {
    List<Evidence> all = new ArrayList<>();
    for (boolean gone : new boolean[] {true, false}) {
      for (Release release : Release.values())
        for (SourceView source : SourceView.values()) {
          for (TargetView target : TargetView.values()) {
            for (Call call : Call.values()) {
              for (Written written : Written.values()) {
                for (int bits = 0; bits < 4; bits++) {
                  all.add(
                      new Evidence(
                          gone,
                          release,
                          source,
                          target,
                          call,
                          (bits & 1) != 0,
                          (bits & 2) != 0,
                          written));
                }
              }
            }
          }
        }
    }
    return all.stream();
  }

  private static Stream<Evidence> thatLeadTo(Class<? extends Verdict> verdict) {
    return everything().filter(e -> verdict.isInstance(HandOver.decide(e)));
  }

  @Test
  void aHeldGuestGoesOnHereOnlyIfNothingOfItIsAtATargetThatNeverStartsByItself() {
    assertThat(thatLeadTo(Verdict.ResumeSource.class))
        .isNotEmpty()
        .allMatch(
            e ->
                !e.sourceProcessGone()
                    && e.source() == SourceView.HeldForMigration
                    && (e.target() == TargetView.Absent || e.target() == TargetView.HostFenced)
                    && e.call() == Call.Failed
                    && e.fenced()
                    && !e.guestWasPaused());
  }

  @Test
  void aFencedTargetIsNeverToldAnythingNorWaitedForOnceLibvirtHasGivenUp() {
    assertThat(everything().filter(e -> e.target() == TargetView.HostFenced))
        .noneMatch(
            e ->
                switch (HandOver.decide(e)) {
                  case Verdict.ResumeTarget _, Verdict.DiscardTarget _, Verdict.Switched _ -> true;
                  default -> false;
                });
    assertThat(
            everything().filter(e -> e.target() == TargetView.HostFenced && e.sourceProcessGone()))
        .allMatch(e -> HandOver.decide(e) instanceof Verdict.GuestLost);
  }

  @Test
  void theTargetsHalfIsDestroyedOnlyIfItHasNeverRunAndTheSourceHasAllOfTheGuest() {
    assertThat(thatLeadTo(Verdict.DiscardTarget.class))
        .isNotEmpty()
        .allMatch(
            e ->
                !e.sourceProcessGone()
                    && e.source() == SourceView.HeldForMigration
                    && e.call() == Call.Failed
                    && e.fenced())
        .extracting(Evidence::target)
        .containsOnly(TargetView.Incoming, TargetView.CompleteAndHeld, TargetView.Discarded);
  }

  @Test
  void theSourcesHalfIsEndedOnlyIfTheGuestRunsOrHasRunAtTheTargetAndIsHeldHere() {
    assertThat(thatLeadTo(Verdict.EndSource.class))
        .isNotEmpty()
        .allMatch(
            e ->
                !e.sourceProcessGone()
                    && e.call() != Call.Open
                    && (e.source() == SourceView.HeldForMigration && e.target() == TargetView.Runs
                        || e.source() == SourceView.HeldForPostCopy
                            && (e.target() == TargetView.HostFenced
                                || (ENDED.contains(e.target()) && e.call() == Call.Failed))));
  }

  @Test
  void aTransferIsStartedOnlyIfItWasOnlyIntendedAndNothingOfItIsAnywhere() {
    assertThat(thatLeadTo(Verdict.Start.class))
        .isNotEmpty()
        .allMatch(
            e ->
                e.written() == Written.Intended
                    && !e.sourceProcessGone()
                    && e.source() == SourceView.AsBefore
                    && e.target() == TargetView.Absent
                    && e.call() == Call.Failed);
  }

  @Test
  void nothingIsTouchedWhileLibvirtIsAtIt() {
    assertThat(everything().filter(e -> !e.sourceProcessGone() && e.call() == Call.Open))
        .allMatch(e -> HandOver.decide(e) instanceof Verdict.Wait);
  }

  @Test
  void whatCanNotBeAskedIsNotGuessed() {
    assertThat(
            everything()
                .filter(
                    e ->
                        e.target() == TargetView.Unknown
                            && (e.sourceProcessGone()
                                || e.source() == SourceView.HeldForMigration)))
        .allMatch(e -> HandOver.decide(e) instanceof Verdict.Wait);
    assertThat(everything().filter(e -> !e.sourceProcessGone() && e.source() == SourceView.Unknown))
        .allMatch(e -> HandOver.decide(e) instanceof Verdict.Wait);
  }

  /**
   * Carries each verdict out on the two hosts, and looks again: it ends, in at most three steps,
   * with one copy or with none that runs, never with two, and no step loses the only good copy.
   */
  @Test
  void eachWayEndsWithOneCopy() {
    everything().forEach(HandOverTest::eachWayEndsWithOneCopy);
  }

  private static void eachWayEndsWithOneCopy(Evidence first) {
    var evidence = first;
    for (int step = 0; step < 4; step++) {
      boolean runsBoth =
          evidence.source() == SourceView.AsBefore
              && !evidence.sourceProcessGone()
              && evidence.target() == TargetView.Runs;
      switch (HandOver.decide(evidence)) {
        case Verdict.Wait _, Verdict.Switched(), Verdict.GuestLost _, Verdict.Start() -> {
          return;
        }
        case Verdict.Stopped() -> {
          assertThat(runsBoth).isFalse();
          return;
        }
        case Verdict.ResumeTarget() -> {
          assertThat(evidence.sourceProcessGone()).isTrue();
          evidence = with(evidence, evidence.source(), TargetView.Runs, true);
        }
        case Verdict.DiscardTarget() ->
            evidence = with(evidence, evidence.source(), TargetView.Absent, false);
        case Verdict.ResumeSource() ->
            evidence = with(evidence, SourceView.AsBefore, evidence.target(), false);
        case Verdict.EndSource() ->
            evidence = with(evidence, SourceView.Inactive, evidence.target(), true);
      }
    }
    throw new AssertionError("no end: " + first);
  }

  private static Evidence with(Evidence e, SourceView source, TargetView target, boolean gone) {
    return new Evidence(
        gone, e.release(), source, target, e.call(), e.guestWasPaused(), e.fenced(), e.written());
  }

  @Test
  void nothingIsResumedWhileTheSourceCanRunOrTheTargetIsIncomplete() {
    everything().forEach(HandOverTest::nothingIsResumedWhileTheSourceCanRunOrTheTargetIsIncomplete);
  }

  private static void nothingIsResumedWhileTheSourceCanRunOrTheTargetIsIncomplete(
      Evidence evidence) {
    if (HandOver.decide(evidence) instanceof Verdict.ResumeTarget) {
      assertThat(evidence.sourceProcessGone()).isTrue();
      assertThat(evidence.release()).isNotEqualTo(Release.None);
      assertThat(evidence.target()).isEqualTo(TargetView.CompleteAndHeld);
      assertThat(evidence.guestWasPaused()).isFalse();
    }
  }

  /** What the source's daemon tells is what the target's would have seen for itself. */
  @Test
  void whatIsToldWeighsAsMuchAsTheDefinitionThatIsGoneAndNoMore() {
    assertThat(everything().filter(e -> e.release() == Release.Told))
        .allSatisfy(
            e ->
                assertThat(HandOver.decide(e))
                    .isEqualTo(
                        HandOver.decide(
                            new Evidence(
                                e.sourceProcessGone(),
                                Release.Undefined,
                                e.source(),
                                e.target(),
                                e.call(),
                                e.guestWasPaused(),
                                e.fenced(),
                                e.written()))));
  }

  @Test
  void theTargetMayOnlyBeDestroyedAfterStoppedOrLostAndThenItDoesNotRun() {
    everything()
        .forEach(HandOverTest::theTargetMayOnlyBeDestroyedAfterStoppedOrLostAndThenItDoesNotRun);
  }

  private static void theTargetMayOnlyBeDestroyedAfterStoppedOrLostAndThenItDoesNotRun(
      Evidence evidence) {
    var verdict = HandOver.decide(evidence);
    if (verdict instanceof Verdict.Stopped) {
      assertThat(evidence.sourceProcessGone()).isFalse();
      assertThat(evidence.source()).isEqualTo(SourceView.AsBefore);
      assertThat(evidence.call()).isNotEqualTo(Call.Open);
      assertThat(evidence.target()).isNotIn(TargetView.Runs, TargetView.RunsPostCopy);
    }
    if (verdict instanceof Verdict.GuestLost) {
      assertThat(evidence.sourceProcessGone()).isTrue();
      // What never starts by itself is given up only if nothing of it is there.
      assertThat(evidence.target())
          .isIn(
              evidence.fenced()
                  ? EnumSet.of(TargetView.Absent, TargetView.HostFenced)
                  : EnumSet.of(
                      TargetView.Absent,
                      TargetView.HostFenced,
                      TargetView.Incoming,
                      TargetView.ArrivedAndOff,
                      TargetView.Discarded));
    }
  }

  @Test
  void switchedMeansThatTheSourceIsGone() {
    everything().forEach(HandOverTest::switchedMeansThatTheSourceIsGone);
  }

  private static void switchedMeansThatTheSourceIsGone(Evidence evidence) {
    if (HandOver.decide(evidence) instanceof Verdict.Switched) {
      assertThat(evidence.sourceProcessGone()).isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource({
    // gone, release, source, target, call, was paused -> verdict
    "true,  Seen,      Inactive,         CompleteAndHeld, Open,      false, ResumeTarget",
    "true,  Seen,      Inactive,         CompleteAndHeld, Succeeded, false, ResumeTarget",
    "true,  Undefined, Inactive,         CompleteAndHeld, Failed,    false, ResumeTarget",
    "true,  Told,      Inactive,         CompleteAndHeld, Succeeded, false, ResumeTarget",
    "true,  Told,      Inactive,         Incoming,        Succeeded, false, Wait",
    "true,  Told,      Inactive,         Absent,          Failed,    false, Wait",
    "true,  Told,      Inactive,         CompleteAndHeld, Succeeded, true,  Switched",
    "true,  Told,      Inactive,         HostFenced,      Failed,    false, GuestLost",
    "false, Told,      HeldForMigration, CompleteAndHeld, Failed,    false, DiscardTarget",
    "false, Told,      AsBefore,         CompleteAndHeld, Failed,    false, Stopped",
    "true,  None,      Inactive,         CompleteAndHeld, Failed,    false, Wait",
    "true,  Seen,      Inactive,         CompleteAndHeld, Open,      true,  Switched",
    "true,  None,      Inactive,         CompleteAndHeld, Failed,    true,  Wait",
    "true,  None,      Inactive,         Runs,            Open,      false, Switched",
    "true,  Undefined, Inactive,         ArrivedAndOff,   Failed,    false, Switched",
    "true,  None,      Inactive,         ArrivedAndOff,   Failed,    false, Wait",
    "true,  Seen,      Inactive,         Incoming,        Failed,    false, Wait",
    "true,  Seen,      Inactive,         Absent,          Open,      false, Wait",
    "true,  Seen,      Inactive,         Absent,          Failed,    false, GuestLost",
    "true,  None,      Inactive,         Absent,          Failed,    false, GuestLost",
    "true,  Undefined, Inactive,         Absent,          Failed,    false, Wait",
    "true,  Seen,      Inactive,         Absent,          Succeeded, false, Wait",
    "true,  Seen,      Inactive,         RunsPostCopy,    Open,      false, Wait",
    "true,  Seen,      Inactive,         RunsPostCopy,    Succeeded, false, Switched",
    "true,  Seen,      Inactive,         Unknown,         Succeeded, false, Wait",
    "false, None,      AsBefore,         Incoming,        Open,      false, Wait",
    "false, None,      AsBefore,         CompleteAndHeld, Failed,    false, Stopped",
    "false, None,      AsBefore,         Absent,          Failed,    false, Stopped",
    "false, None,      AsBefore,         Runs,            Failed,    false, Wait",
    "false, None,      HeldForMigration, CompleteAndHeld, Failed,    false, DiscardTarget",
    "false, None,      HeldForMigration, CompleteAndHeld, Succeeded, false, Wait",
    "false, None,      HeldForMigration, Incoming,        Failed,    false, DiscardTarget",
    "false, None,      HeldForMigration, Discarded,       Failed,    false, DiscardTarget",
    "false, None,      HeldForMigration, Absent,          Failed,    false, ResumeSource",
    "false, None,      HeldForMigration, Absent,          Failed,    true,  Wait",
    "false, None,      HeldForMigration, ArrivedAndOff,   Failed,    false, Wait",
    "false, None,      HeldForMigration, Runs,            Failed,    false, EndSource",
    "false, None,      HeldForMigration, Unknown,         Failed,    false, Wait",
    "true,  Seen,      Inactive,         Discarded,       Failed,    false, Wait",
    "false, None,      HeldForPostCopy,  RunsPostCopy,    Failed,    false, Wait",
    "false, None,      HeldForPostCopy,  Incoming,        Failed,    false, Wait",
    "false, None,      HeldForPostCopy,  ArrivedAndOff,   Failed,    false, EndSource",
    "false, None,      HeldForPostCopy,  Discarded,       Failed,    false, EndSource",
    "false, None,      HeldForPostCopy,  Unknown,         Failed,    false, Wait",
    "false, None,      HeldForPostCopy,  Absent,          Succeeded, false, Wait",
    "false, None,      HeldForPostCopy,  Absent,          Failed,    false, EndSource",
    "false, None,      Unknown,          Absent,          Failed,    false, Wait",
  })
  void table(
      boolean gone,
      Release release,
      SourceView source,
      TargetView target,
      Call call,
      boolean wasPaused,
      String verdict) {
    var decided = HandOver.decide(new Evidence(gone, release, source, target, call, wasPaused));
    assertThat(decided.getClass().getSimpleName()).isEqualTo(verdict);
  }

  @ParameterizedTest
  @EnumSource(names = {"Incoming", "ArrivedAndOff", "Discarded"})
  void whatLibvirtHasGivenUpOnBothSidesIsLostOnlyIfTheTargetStartsByItself(TargetView target) {
    for (boolean fenced : new boolean[] {true, false}) {
      var evidence =
          new Evidence(
              true,
              Release.None,
              SourceView.Inactive,
              target,
              Call.Failed,
              false,
              fenced,
              Written.Started);
      assertThat(HandOver.decide(evidence) instanceof Verdict.GuestLost).isEqualTo(!fenced);
    }
  }

  @Test
  void everyWaitSaysWhatItWaitsFor() {
    assertThat(everything().map(HandOver::decide))
        .allSatisfy(
            verdict -> {
              if (verdict instanceof Verdict.Wait(var because)) {
                assertThat(because).isNotBlank();
              }
            });
  }
}
