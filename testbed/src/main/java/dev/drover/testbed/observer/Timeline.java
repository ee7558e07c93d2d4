package dev.drover.testbed.observer;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How many copies of one guest ran, and when.
 *
 * @param guest the name of its domain
 * @param looks by time, without gaps
 */
public record Timeline(String guest, List<Look> looks) {

  /**
   * A thread of a virtual processor also works a little while QEMU starts, ends, and loads the
   * registers of a guest that comes in. It does so in one look, or two; a guest that runs does so
   * in all of them. (What runs for less than that is heard all the same: a guest of the testbed
   * beats every 10 ms.)
   */
  private static final int FEWEST_LOOKS = 3;

  public Timeline {
    looks = withoutBlips(looks);
  }

  private static List<Look> withoutBlips(List<Look> looks) {
    List<Look> without = new ArrayList<>();
    for (int at = 0; at < looks.size(); at++) {
      Look look = looks.get(at);
      Set<Copy> ran = new HashSet<>();
      for (Copy copy : look.ran()) {
        int first = at;
        while (at - first + 1 < FEWEST_LOOKS
            && first > 0
            && looks.get(first - 1).ran().contains(copy)) {
          first--;
        }
        int last = at;
        while (last - first + 1 < FEWEST_LOOKS
            && last + 1 < looks.size()
            && looks.get(last + 1).ran().contains(copy)) {
          last++;
        }
        if (last - first + 1 >= FEWEST_LOOKS) {
          ran.add(copy);
        }
      }
      without.add(new Look(look.from(), look.to(), ran));
    }
    return List.copyOf(without);
  }

  /** The same from an instant on. */
  public Timeline since(Instant start) {
    return new Timeline(
        guest, looks.stream().filter(look -> !look.from().isBefore(start)).toList());
  }

  /**
   * The intervals in which 0, 1, 2, ... copies ran. In one look after a hand-over both copies may
   * have run, one after the other: two that ran at the same time are told by {@link #twoCopies}.
   */
  public List<Interval> intervals() {
    List<Interval> intervals = new ArrayList<>();
    for (Look look : looks) {
      long copies = look.copiesOf(guest);
      if (!intervals.isEmpty() && intervals.getLast().copies() == copies) {
        var last = intervals.removeLast();
        intervals.add(new Interval(last.from(), look.to(), copies));
      } else {
        intervals.add(new Interval(look.from(), look.to(), copies));
      }
    }
    return intervals;
  }

  /** The longest interval in which no copy ran. */
  public Duration longestStandstill() {
    return intervals().stream()
        .filter(interval -> interval.copies() == 0)
        .map(Interval::length)
        .max(Duration::compareTo)
        .orElse(Duration.ZERO);
  }

  /** How many copies there were at most, two of them proved as {@link #twoCopies} does. */
  public int mostCopies() {
    if (!twoCopies().isEmpty()) {
      return 2;
    }
    return looks.stream().anyMatch(look -> look.copiesOf(guest) > 0) ? 1 : 0;
  }

  /**
   * The times in which two copies are proved to have been alive: each of them ran at some time
   * after the other had. A hand-over is none, and be it within one look, as the copy that has
   * handed over never runs again.
   */
  public List<TwoCopies> twoCopies() {
    Map<Copy, Run> runs = new LinkedHashMap<>();
    for (Look look : looks) {
      for (Copy copy : look.ran()) {
        if (copy.guest().equals(guest)) {
          runs.merge(copy, new Run(look, look), (known, now) -> new Run(known.first(), look));
        }
      }
    }
    List<TwoCopies> proved = new ArrayList<>();
    List<Copy> copies = new ArrayList<>(runs.keySet());
    for (int one = 0; one < copies.size(); one++) {
      for (int other = one + 1; other < copies.size(); other++) {
        overlap(copies.get(one), copies.get(other), runs).ifPresent(proved::add);
      }
    }
    return proved;
  }

  private Optional<TwoCopies> overlap(Copy one, Copy other, Map<Copy, Run> runs) {
    @Nullable Run first = runs.get(one);
    @Nullable Run second = runs.get(other);
    if (first == null || second == null) {
      return Optional.empty();
    }
    // A copy surely ran before the end of the first look that saw it run, and after the begin of
    // the last one.
    boolean firstRanAfterSecond = !first.last().from().isBefore(second.first().to());
    boolean secondRanAfterFirst = !second.last().from().isBefore(first.first().to());
    if (!firstRanAfterSecond || !secondRanAfterFirst) {
      return Optional.empty();
    }
    Duration together =
        looks.stream()
            .filter(look -> look.ran().contains(one) && look.ran().contains(other))
            .map(Look::length)
            .reduce(Duration.ZERO, Duration::plus);
    return Optional.of(
        new TwoCopies(
            one,
            other,
            later(first.first().from(), second.first().from()),
            earlier(first.last().to(), second.last().to()),
            together));
  }

  private static Instant later(Instant one, Instant other) {
    return one.isAfter(other) ? one : other;
  }

  private static Instant earlier(Instant one, Instant other) {
    return one.isBefore(other) ? one : other;
  }

  private record Run(Look first, Look last) {}

  /** A time in which so many copies ran. */
  public record Interval(Instant from, Instant to, long copies) {

    public Duration length() {
      return Duration.between(from, to);
    }
  }

  /**
   * Two copies of the guest.
   *
   * @param from when the later one began to run
   * @param to when the first of them was last seen to run
   * @param together the looks in which both ran; zero if they took turns
   */
  public record TwoCopies(Copy one, Copy other, Instant from, Instant to, Duration together) {}
}
