package dev.drover.node.watchdog;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WatchdogTest {
  private static final List<Optional<Duration>> TIMES =
      Stream.of(-1, 0, 1500, 2500, 3500, 4500, 40_000).map(WatchdogTest::time).toList();

  private static Optional<Duration> time(int milliseconds) {
    return milliseconds < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(milliseconds));
  }

  /** Every combination of what there is to see. */
  static Stream<Sight> everything() {
    List<Sight> all = new ArrayList<>();
    for (int bits = 0; bits < 32; bits++) {
      for (int streams : new int[] {0, 2}) {
        for (var still : TIMES) {
          for (var deaf : TIMES) {
            for (int unmoved : new int[] {0, 900, 2500, 3500, 40_000}) {
              for (int done : new int[] {-1, 500, 5000}) {
                all.add(
                    new Sight(
                        (bits & 1) == 0,
                        (bits & 2) != 0,
                        (bits & 4) == 0,
                        still,
                        deaf,
                        (bits & 8) == 0,
                        streams,
                        Duration.ofMillis(unmoved),
                        (bits & 16) != 0,
                        still,
                        new Sight.Done(time(done), time(done), Optional.empty())));
              }
            }
          }
        }
      }
    }
    return all.stream();
  }

  private static boolean acts(Action action) {
    return !(action instanceof Action.Wait) && !(action instanceof Action.Tell);
  }

  @Test
  void nothingIsDoneInPostCopyOrAfterTheCallOrBeforeThereWasAConnection() {
    assertThat(everything().filter(s -> s.postCopy() || !s.callOpen() || !s.hadStreams()))
        .isNotEmpty()
        .allMatch(s -> Watchdog.decide(s) instanceof Action.Wait);
  }

  @Test
  void theTwoLibvirtsArePartedOnlyIfTheTargetHoldsTheGuestAndNoMemoryIsOnItsWay() {
    assertThat(everything().filter(s -> Watchdog.decide(s) instanceof Action.BreakControl))
        .isNotEmpty()
        .allMatch(s -> s.fenced() && s.streams() == 0 && s.done().controlBroken().isEmpty());
  }

  @Test
  void nothingIsDoneWhileBytesMove() {
    assertThat(everything().filter(s -> s.unmovedFor().compareTo(Watchdog.LATE_PEER) < 0))
        .noneMatch(s -> acts(Watchdog.decide(s)));
  }

  @Test
  void aGuestThatRunsOnAQemuThatAnswersKeepsItsConnections() {
    assertThat(
            everything()
                .filter(s -> s.stillFor().isEmpty() && s.deafFor().isEmpty())
                .filter(s -> s.streams() > 0 && s.abortedFor().isEmpty()))
        .isNotEmpty()
        .noneMatch(s -> acts(Watchdog.decide(s)));
  }

  @Test
  void theGuestIsStoppedOnlyIfItRunsAndNothingIsConnected() {
    assertThat(everything().filter(s -> Watchdog.decide(s) instanceof Action.Nudge))
        .isNotEmpty()
        .allMatch(s -> s.stillFor().isEmpty() && s.streams() == 0 && s.done().nudged().isEmpty());
  }

  /** Whatever it is: within five seconds of standing still something is done. */
  @Test
  void noFencedGuestStandsStillForLong() {
    assertThat(
            everything()
                .filter(s -> s.callOpen() && !s.postCopy() && s.hadStreams() && s.fenced())
                .filter(s -> s.done().equals(new Sight.Done(time(-1), time(-1), time(-1))))
                .filter(s -> s.unmovedFor().compareTo(Duration.ofMillis(3500)) >= 0)
                .filter(s -> s.stillFor().filter(d -> d.toMillis() >= 3500).isPresent()))
        .isNotEmpty()
        .allMatch(s -> acts(Watchdog.decide(s)));
  }

  @ParameterizedTest
  @CsvSource({
    // still, deaf, streams, unmoved, unanswered, aborted, fenced, control, nudged: action
    "   -1,   -1, 2,  1000, false,   -1, true,    -1,    -1, Wait",
    "   -1,   -1, 2,  6000,  true,   -1, true,    -1,    -1, Tell",
    "   -1,   -1, 2, 31000, false,   -1, true,    -1,    -1, Tell",
    "  300,   -1, 2,  2000,  true,   -1, true,    -1,    -1, BreakStreams",
    "  300,   -1, 2,  3500, false,   -1, true,    -1,    -1, Wait",
    " 3000,   -1, 2,  3000, false,   -1, true,    -1,    -1, BreakStreams",
    " 3000,   -1, 2,  3000, false,   -1, false,   -1,    -1, BreakStreams",
    "   -1, 2000, 2,  2000,  true,   -1, true,    -1,    -1, BreakStreams",
    "   -1, 3000, 2,  3000, false,   -1, true,    -1,    -1, BreakStreams",
    "   -1,   -1, 2,  3000, false, 3000, true,    -1,    -1, BreakStreams",
    " 3000,   -1, 0,  3000, false,   -1, true,    -1,    -1, BreakControl",
    " 4100,   -1, 0,  2900, false,   -1, true,    -1,    -1, Wait",
    " 4200,   -1, 0,  1000, false,   -1, true,    -1,    -1, BreakControl",
    " 4200,   -1, 0,   900, false,   -1, true,    -1,    -1, Wait",
    " 4200,   -1, 0,  1000, false,   -1, false,   -1,    -1, Tell",
    " 3000,   -1, 0,  3000, false,   -1, false,   -1,    -1, Tell",
    " 4000,   -1, 0,  4000, false,   -1, true,   500,    -1, Wait",
    " 9000,   -1, 0,  9000, false,   -1, true,  4000,    -1, RestartLibvirt",
    "   -1,   -1, 0,  3000, false,   -1, true,    -1,    -1, BreakControl",
    "   -1,   -1, 0,  4000, false,   -1, true,  1000,    -1, Nudge",
    "   -1,   -1, 0,  3000, false,   -1, false,   -1,    -1, Nudge",
    "   -1,   -1, 0,  5000, false,   -1, true,  2000,  1000, Wait",
    "   -1,   -1, 0,  9000, false,   -1, true,  5000,  4000, RestartLibvirt",
  })
  void table(
      int still,
      int deaf,
      int streams,
      int unmoved,
      boolean unanswered,
      int aborted,
      boolean fenced,
      int control,
      int nudged,
      String action) {
    var sight =
        new Sight(
            true,
            false,
            fenced,
            time(still),
            time(deaf),
            true,
            streams,
            Duration.ofMillis(unmoved),
            unanswered,
            time(aborted),
            new Sight.Done(time(control), time(nudged), Optional.empty()));
    assertThat(Watchdog.decide(sight).getClass().getSimpleName()).isEqualTo(action);
  }
}
