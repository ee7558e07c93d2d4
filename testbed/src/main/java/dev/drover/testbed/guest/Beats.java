package dev.drover.testbed.guest;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What can be told from a guest's heartbeats, in the order in which they arrived.
 *
 * @param all by time
 */
public record Beats(List<Beat> all) {

  /**
   * A sequence number or two may arrive twice without harm: a packet that was sent just as the
   * guest stopped is sent again by the target if the source could not note that it was.
   */
  private static final int HARMLESS_REPETITIONS = 2;

  public Beats {
    all = List.copyOf(all);
  }

  public Beats since(Instant start) {
    return new Beats(all.stream().filter(beat -> !beat.at().isBefore(start)).toList());
  }

  public Optional<Beat> last() {
    return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast());
  }

  /**
   * The longest time without a beat between two instants. The times before the first beat and after
   * the last one count, too: a guest that never came back was silent until the end.
   */
  public Silence longestSilence(Instant start, Instant end) {
    Instant from = start;
    String before = "";
    var longest = new Silence(start, Duration.ZERO, "", "");
    for (Beat beat : all) {
      if (beat.at().isBefore(start)) {
        before = beat.host();
        continue;
      }
      if (beat.at().isAfter(end)) {
        break;
      }
      longest =
          longest.orLonger(
              new Silence(from, Duration.between(from, beat.at()), before, beat.host()));
      from = beat.at();
      before = beat.host();
    }
    return longest.orLonger(new Silence(from, Duration.between(from, end), before, ""));
  }

  /** The hosts that beats came from, in the order of their first one. */
  public Set<String> hosts() {
    Set<String> hosts = new LinkedHashSet<>();
    all.forEach(beat -> hosts.add(beat.host()));
    return hosts;
  }

  /**
   * Beats that prove two copies of the guest: their sequence number, or a later one, had come from
   * another host already. A guest that moves, and be it there and back, goes on counting and has
   * none.
   */
  public List<Beat> fromSecondCopy() {
    Map<String, Long> highestByHost = new HashMap<>();
    List<Beat> proof = new ArrayList<>();
    for (Beat beat : all) {
      boolean overtaken =
          highestByHost.entrySet().stream()
              .anyMatch(
                  other ->
                      !other.getKey().equals(beat.host()) && other.getValue() >= beat.sequence());
      if (overtaken) {
        proof.add(beat);
      }
      highestByHost.merge(beat.host(), beat.sequence(), Math::max);
    }
    return proof;
  }

  /**
   * Whether two copies of the guest have run, on two hosts, one after the other's fork or at the
   * same time.
   */
  public boolean showTwoCopies() {
    return fromSecondCopy().size() > HARMLESS_REPETITIONS;
  }

  /**
   * A time without a heartbeat.
   *
   * @param hostBefore where the beat before it came from; empty if there was none
   * @param hostAfter where the beat after it came from; empty if there is none yet
   */
  public record Silence(Instant from, Duration length, String hostBefore, String hostAfter) {

    Silence orLonger(Silence other) {
      return other.length.compareTo(length) > 0 ? other : this;
    }
  }
}
