package dev.drover.node.convergence.simulated;

import dev.drover.node.convergence.Sample;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * KubeVirt's (VEP 248): once nothing less has remained for 40 s, the next local minimum is looked
 * for, and if it is not much more than fits, it has 60 s to switch; else it is aborted. Without
 * post-copy and without leave to stop the guest.
 */
final class KubevirtStallRule implements Strategy {
  private static final double MARGIN = 0.04;
  private static final double ALPHA = 0.4;
  private static final double STALL_SECONDS = 40;
  private static final double SWITCH_SECONDS = 60;
  private static final double POSSIBLE = 1.5;
  private static final int TIMEOUT_PER_GIBIBYTE = 150;

  /** At the beginning of an iteration. */
  private record Boundary(double seconds, long remaining) {}

  private final Duration maxDowntime;
  private final double timeout;
  private final List<Boundary> boundaries = new ArrayList<>();
  private int seen = 1;
  private double rate;
  private double patience = STALL_SECONDS;
  private double stalledSince = -1;
  private int relaxed;
  private double switchBy = -1;

  KubevirtStallRule(Duration maxDowntime, long memoryBytes) {
    this.maxDowntime = maxDowntime;
    this.timeout = 2.0 * TIMEOUT_PER_GIBIBYTE * (memoryBytes >> 30);
  }

  @Override
  public String name() {
    return "KubeVirt";
  }

  /** QEMU's own. */
  @Override
  public Duration firstDowntime() {
    return Duration.ofMillis(300);
  }

  @Override
  public Duration interval() {
    return Duration.ofMillis(400);
  }

  @Override
  public Action look(Sample sample) {
    double now = PreCopy.seconds(sample.elapsed());
    rate =
        rate == 0
            ? (double) sample.memoryBytesPerSecond()
            : ALPHA * sample.memoryBytesPerSecond() + (1 - ALPHA) * rate;
    if (now >= timeout || (switchBy >= 0 && now >= switchBy)) {
      return new Action.GiveUp();
    }
    if (sample.iteration() == seen || switchBy >= 0) {
      return new Action.Wait();
    }
    seen = sample.iteration();
    long remaining = sample.memoryRemainingBytes();
    boundaries.add(new Boundary(now, remaining));
    long mark =
        boundaries.stream()
            .filter(b -> now - b.seconds() > STALL_SECONDS)
            .mapToLong(Boundary::remaining)
            .min()
            .orElse(Long.MAX_VALUE);
    if (mark == Long.MAX_VALUE || remaining < (1 - MARGIN) * mark) {
      stalledSince = -1;
      return new Action.Wait();
    }
    if (stalledSince < 0) {
      stalledSince = now;
    }
    if (now - stalledSince > patience) {
      relaxed++;
      patience /= 2;
      stalledSince = now;
    }
    var smallest = boundaries.stream().mapToLong(Boundary::remaining).sorted().toArray();
    if (remaining > smallest[Math.min(relaxed, smallest.length - 1)] * (1 + MARGIN)) {
      return new Action.Wait();
    }
    if (remaining / rate > POSSIBLE * PreCopy.seconds(maxDowntime)) {
      return new Action.GiveUp();
    }
    switchBy = now + SWITCH_SECONDS;
    return new Action.Allow(maxDowntime);
  }
}
