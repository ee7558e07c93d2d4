package dev.drover.node.convergence.simulated;

import dev.drover.node.convergence.Sample;
import java.time.Duration;
import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * QEMU's pre-copy, page by page, in steps of 10 ms. As in QEMU: pages are sent in order; one that
 * was written since the last count is sent again, whether that was before it was sent or after (as
 * on the testbed: CalibrationTest); what was written is collected only once what is left of the
 * pass can be sent within the allowed downtime at the speed of the last 100 ms, and if that still
 * holds then, the guest is stopped. Auto-converge takes 20 % of the CPU, then 10 more each time,
 * once in two passes the guest has written more than half of what was sent.
 *
 * @param pageBytes larger than a real one, to be quick
 * @param linkBytesPerSecond on average; each 100 ms have up to a tenth more or less
 * @param stopOverhead what a stop takes beside sending what remains
 */
record PreCopy(
    int pages,
    int pageBytes,
    long linkBytesPerSecond,
    Duration stopOverhead,
    boolean autoConverge,
    long seed) {
  private static final double TICK = 0.01;
  private static final int TICKS_PER_CHECK = 5;
  private static final int TICKS_PER_RATE = 10;
  private static final double RATE_WINDOW = TICK * TICKS_PER_RATE;
  private static final double NOISE = 0.1;

  /** How it ended. {@code downtime} is zero if the guest has stayed. */
  record Outcome(boolean moved, double seconds, Duration downtime, double gibibytes, int passes) {}

  Outcome run(Workload workload, Strategy strategy, Consumer<Sample> recorder) {
    return new Run(workload, strategy, recorder).toTheEnd();
  }

  private final class Run {
    private final Workload workload;
    private final Strategy strategy;
    private final Consumer<Sample> recorder;
    private final SplittableRandom noise = new SplittableRandom(seed);
    private final BitSet toSend = new BitSet(pages);
    private final BitSet written = new BitSet(pages);
    private int cursor;
    private int iteration = 1;
    private long remaining;
    private double due;
    private double now;
    private double link;
    private long sent;
    private long sentBefore;
    private double rate;
    private double allowed;
    private double allowedNext;
    private double dirtyRate;
    private double rateSince;
    private long newlyDirty;
    private long sentAtSync;
    private int dirtyTooHigh;
    private int throttle;

    Run(Workload workload, Strategy strategy, Consumer<Sample> recorder) {
      this.workload = workload;
      this.strategy = strategy;
      this.recorder = recorder;
      toSend.set(0, pages);
      remaining = pages;
      allowed = seconds(strategy.firstDowntime());
      allowedNext = allowed;
      rate = (double) linkBytesPerSecond;
    }

    Outcome toTheEnd() {
      int ticksPerLook = (int) Math.round(seconds(strategy.interval()) / TICK);
      for (long tick = 0; ; tick++) {
        now = tick * TICK;
        if (tick % TICKS_PER_RATE == 0) {
          if (tick > 0) {
            rate = (double) (sent - sentBefore) * pageBytes / RATE_WINDOW;
          }
          sentBefore = sent;
          link = nextLink();
          allowed = allowedNext;
        }
        if (tick % TICKS_PER_CHECK == 0 && fits()) {
          sync();
          if (fits()) {
            return moved();
          }
        }
        if (tick % ticksPerLook == 0) {
          var sample = sample();
          recorder.accept(sample);
          switch (strategy.look(sample)) {
            case Strategy.Action.Wait() -> {}
            case Strategy.Action.Allow(var downtime) -> allowedNext = seconds(downtime);
            case Strategy.Action.GiveUp() -> {
              return new Outcome(false, now, Duration.ZERO, gibibytes(), iteration);
            }
          }
        }
        workload.write(now, TICK * (1 - throttle / 100.0), written);
        send();
      }
    }

    private double nextLink() {
      return linkBytesPerSecond * (1 + NOISE * (2 * noise.nextDouble() - 1));
    }

    private boolean fits() {
      return remaining * (double) pageBytes < rate * allowed;
    }

    private void send() {
      for (due += link * TICK / pageBytes; due >= 1 && remaining > 0; due--) {
        int page = toSend.nextSetBit(cursor);
        if (page < 0) {
          page = toSend.nextSetBit(0);
        }
        toSend.clear(page);
        cursor = page + 1;
        remaining--;
        sent++;
      }
      due = Math.min(due, 1);
    }

    private void sync() {
      iteration++;
      long before = remaining;
      toSend.or(written);
      written.clear();
      remaining = toSend.cardinality();
      newlyDirty += remaining - before;
      if (now - rateSince >= 1) {
        dirtyRate = newlyDirty * (double) pageBytes / (now - rateSince);
        if (autoConverge) {
          throttle(newlyDirty, sent - sentAtSync);
        }
        rateSince = now;
        newlyDirty = 0;
        sentAtSync = sent;
      }
    }

    private void throttle(long dirty, long sentMeanwhile) {
      if (dirty * 2 > sentMeanwhile) {
        dirtyTooHigh++;
        if (dirtyTooHigh >= 2) {
          dirtyTooHigh = 0;
          throttle = throttle == 0 ? 20 : Math.min(99, throttle + 10);
        }
      }
    }

    private Outcome moved() {
      double stop = seconds(stopOverhead);
      sent += remaining;
      for (double left = remaining * (double) pageBytes; left > 0; left -= link * RATE_WINDOW) {
        link = nextLink();
        stop += Math.min(RATE_WINDOW, left / link);
      }
      return new Outcome(
          true, now + stop, Duration.ofMillis(Math.round(stop * 1000)), gibibytes(), iteration);
    }

    private double gibibytes() {
      return sent * (double) pageBytes / (1L << 30);
    }

    private Sample sample() {
      return new Sample(
          Duration.ofMillis(Math.round(now * 1000)),
          iteration,
          (long) pages * pageBytes,
          remaining * pageBytes,
          Math.round(rate),
          Math.round(dirtyRate),
          Duration.ofMillis(Math.round(allowedNext * 1000)),
          throttle);
    }
  }

  static double seconds(Duration duration) {
    return duration.toNanos() / 1e9;
  }
}
