package dev.drover.node.convergence.simulated;

import dev.drover.node.convergence.Sample;
import java.time.Duration;

/** Nova's: ten steps, each 75 s per GiB after the one before; abort after 800 s per GiB. */
final class NovaSchedule implements Strategy {
  private static final int STEPS = 10;
  private static final int DELAY_PER_GIBIBYTE = 75;
  private static final int TIMEOUT_PER_GIBIBYTE = 800;

  private final long most;
  private final long gibibytes;
  private int step;

  NovaSchedule(Duration maxDowntime, long memoryBytes) {
    this.most = maxDowntime.toMillis();
    this.gibibytes = Math.max(2, memoryBytes >> 30);
  }

  @Override
  public String name() {
    return "Nova";
  }

  private Duration downtime(int of) {
    long base = most / STEPS;
    return Duration.ofMillis(base + (most - base) / STEPS * of);
  }

  @Override
  public Duration firstDowntime() {
    return downtime(0);
  }

  @Override
  public Duration interval() {
    return Duration.ofMillis(500);
  }

  @Override
  public Action look(Sample sample) {
    long elapsed = sample.elapsed().toSeconds();
    if (elapsed >= TIMEOUT_PER_GIBIBYTE * gibibytes) {
      return new Action.GiveUp();
    }
    if (step < STEPS && elapsed > DELAY_PER_GIBIBYTE * gibibytes * (step + 1)) {
      step++;
      return new Action.Allow(downtime(step));
    }
    return new Action.Wait();
  }
}
