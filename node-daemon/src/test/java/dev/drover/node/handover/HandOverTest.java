package dev.drover.node.handover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.handover.Evidence.TargetView;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class HandOverTest {

  static Stream<Evidence> everything() {
    List<Evidence> all = new ArrayList<>();
    for (boolean gone : new boolean[] {true, false}) {
      for (Release release : Release.values())
        for (SourceView source : SourceView.values()) {
          for (TargetView target : TargetView.values()) {
            for (Call call : Call.values()) {
              all.add(new Evidence(gone, release, source, target, call, true));
              all.add(new Evidence(gone, release, source, target, call, false));
            }
          }
        }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("everything")
  void nothingIsResumedWhileTheSourceCanRunOrTheTargetIsIncomplete(Evidence evidence) {
    if (HandOver.decide(evidence) instanceof Verdict.ResumeTarget) {
      assertThat(evidence.sourceProcessGone()).isTrue();
      assertThat(evidence.release()).isNotEqualTo(Release.None);
      assertThat(evidence.target()).isEqualTo(TargetView.CompleteAndHeld);
      assertThat(evidence.guestWasPaused()).isFalse();
    }
  }

  @ParameterizedTest
  @MethodSource("everything")
  void theTargetMayOnlyBeDestroyedAfterStoppedOrLostAndThenItDoesNotRun(Evidence evidence) {
    var verdict = HandOver.decide(evidence);
    if (verdict instanceof Verdict.Stopped) {
      assertThat(evidence.sourceProcessGone()).isFalse();
      assertThat(evidence.source()).isEqualTo(SourceView.AsBefore);
      assertThat(evidence.call()).isNotEqualTo(Call.Open);
      assertThat(evidence.target()).isNotIn(TargetView.Runs, TargetView.RunsPostCopy);
    }
    if (verdict instanceof Verdict.GuestLost) {
      assertThat(evidence.sourceProcessGone()).isTrue();
      assertThat(evidence.target()).isEqualTo(TargetView.Absent);
    }
  }

  @ParameterizedTest
  @MethodSource("everything")
  void switchedMeansThatTheSourceIsGone(Evidence evidence) {
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
    "false, None,      HeldForMigration, CompleteAndHeld, Failed,    false, Wait",
    "false, None,      HeldForPostCopy,  RunsPostCopy,    Failed,    false, Wait",
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
