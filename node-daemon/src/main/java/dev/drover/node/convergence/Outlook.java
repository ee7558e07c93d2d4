package dev.drover.node.convergence;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What the measurements say about the rest of a transfer. */
final class Outlook {
  /** libvirt's rate is that of the last 100 ms: one of them alone says little. */
  private static final Duration RATE_WINDOW = Duration.ofSeconds(3);

  private final Sample now;
  private final List<Pass> passes;
  private final long bytesPerSecond;

  Outlook(List<Sample> history) {
    this.now = history.getLast();
    this.passes = Pass.repeated(history);
    this.bytesPerSecond = recentRate(history);
  }

  private static long recentRate(List<Sample> history) {
    var from = history.getLast().elapsed().minus(RATE_WINDOW);
    return (long)
        history.reversed().stream()
            .takeWhile(s -> s.elapsed().compareTo(from) >= 0)
            .mapToLong(Sample::memoryBytesPerSecond)
            .filter(rate -> rate > 0)
            .average()
            .orElse(0);
  }

  long bytesPerSecond() {
    return bytesPerSecond;
  }

  long dirtyBytesPerSecond() {
    return now.dirtyBytesPerSecond();
  }

  /** Whether the guest writes at least {@code share} of what the link brings. */
  boolean outruns(double share) {
    return bytesPerSecond > 0 && dirtyBytesPerSecond() >= bytesPerSecond * share;
  }

  /** After the first one, which goes over all of memory. */
  List<Pass> passes() {
    return passes;
  }

  /** What the guest can be expected to have to send, if it were stopped now. */
  long remainingBytes() {
    long written =
        passes.isEmpty()
            ? 0
            : during(now.elapsed().minus(passes.getLast().startedAt()), dirtyBytesPerSecond());
    return now.memoryRemainingBytes() + written;
  }

  long bytesWithin(Duration downtime) {
    return during(downtime, bytesPerSecond);
  }

  private static long during(Duration duration, long bytesPerSecond) {
    return Math.round(seconds(duration) * bytesPerSecond);
  }

  /**
   * How much sooner it would end, the stop included, if the guest might stand still for {@code
   * longer} from now on; 0 if that makes no difference now.
   */
  double secondsSavedBy(Duration longer) {
    double remaining = (double) remainingBytes();
    double fitsNow = (double) bytesWithin(now.allowedDowntime());
    if (passes.isEmpty() || remaining <= fitsNow || remaining > bytesWithin(longer)) {
      return 0;
    }
    double net = (double) bytesPerSecond - dirtyBytesPerSecond();
    return net <= 0
        ? Double.POSITIVE_INFINITY
        : (remaining - fitsNow) / net - (remaining - fitsNow) / bytesPerSecond;
  }

  /**
   * Whether the last pass left nearly as much behind as the one before had, and more than QEMU
   * waits for.
   */
  boolean hardlyShrinks(double ratio) {
    return passes.size() >= 2
        && now.memoryRemainingBytes() > bytesWithin(now.allowedDowntime())
        && passes.getLast().remainingBytes()
            >= ratio * passes.get(passes.size() - 2).remainingBytes();
  }

  /** Whether the newest look is the first one of a pass, when what remains is known exactly. */
  boolean beginsPass() {
    return !passes.isEmpty() && passes.getLast().startedAt().equals(now.elapsed());
  }

  long leastRemainingBytes() {
    return passes.stream().mapToLong(Pass::remainingBytes).min().orElse(Long.MAX_VALUE);
  }

  /**
   * The newest passes, as many as make up {@code atLeast}, and half of the time since the first one
   * at least; empty while there are fewer than {@code completed} of them.
   */
  Optional<List<Pass>> evidence(int completed, Duration atLeast) {
    if (passes.size() <= completed) {
      return Optional.empty();
    }
    var last = passes.getLast().startedAt();
    var half = last.minus(passes.getFirst().startedAt()).dividedBy(2);
    var span = half.compareTo(atLeast) > 0 ? half : atLeast;
    var from = last.minus(span);
    int first = passes.size() - 1 - completed;
    while (first >= 0 && passes.get(first).startedAt().compareTo(from) > 0) {
      first--;
    }
    return first < 0 ? Optional.empty() : Optional.of(passes.subList(first, passes.size()));
  }

  static double seconds(Duration duration) {
    return duration.toNanos() / 1e9;
  }
}
