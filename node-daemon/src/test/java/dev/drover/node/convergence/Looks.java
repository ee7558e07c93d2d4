package dev.drover.node.convergence;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A history made by hand: what each pass has to send, over a link of 100 MiB/s, a look each 200 ms.
 */
final class Looks {
  static final long MIB = 1 << 20;
  static final long LINK = 100 * MIB;
  private static final long TOTAL = 4096 * MIB;

  private final List<Sample> samples = new ArrayList<>();
  private long milliseconds;
  private int iteration;
  private Duration allowed;
  private int throttle;

  Looks(Duration allowed) {
    this.allowed = allowed;
  }

  /** The first pass over all of memory. */
  Looks first() {
    return pass(TOTAL / MIB, 0);
  }

  Looks allowing(Duration downtime) {
    allowed = downtime;
    return this;
  }

  Looks throttled(int percent) {
    throttle = percent;
    return this;
  }

  Looks at(Duration elapsed) {
    milliseconds = elapsed.toMillis();
    return this;
  }

  Looks copyingDisks(Duration span) {
    for (long ms = 0; ms < span.toMillis(); ms += 200) {
      samples.add(new Sample(Duration.ofMillis(milliseconds), 0, 0, 0, 0, 0, allowed, 0));
      milliseconds += 200;
    }
    return this;
  }

  /** A pass that has so much to send, and was preceded by writes at that rate, in MiB and MiB/s. */
  Looks pass(long remaining, long dirtyRate) {
    iteration++;
    for (long left = remaining * MIB; left > 0; left -= LINK / 5) {
      samples.add(
          new Sample(
              Duration.ofMillis(milliseconds),
              iteration,
              TOTAL,
              left,
              LINK,
              dirtyRate * MIB,
              allowed,
              throttle));
      milliseconds += 200;
    }
    return this;
  }

  /** Only the first look of a pass. */
  Looks beginning(long remaining, long dirtyRate) {
    iteration++;
    samples.add(
        new Sample(
            Duration.ofMillis(milliseconds),
            iteration,
            TOTAL,
            remaining * MIB,
            LINK,
            dirtyRate * MIB,
            allowed,
            throttle));
    milliseconds += 200;
    return this;
  }

  List<Sample> samples() {
    return samples;
  }

  Decision decide(TransferPolicy policy) {
    return Convergence.decide(policy, samples);
  }
}
