package dev.drover.node.convergence.simulated;

import dev.drover.node.convergence.Sample;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** oVirt's: an action for each iteration, whatever it has brought. */
final class OvirtSchedule implements Strategy {
  /** {@code downtime} 0: abort. {@code limit} -1: at the next iteration. */
  private record Item(int limit, int downtime) {}

  private static final List<Item> RAMP =
      List.of(
          new Item(1, 150), new Item(2, 200), new Item(3, 300), new Item(4, 400), new Item(6, 500));

  private final String name;
  private final Deque<Item> items = new ArrayDeque<>(RAMP);
  private int seen = 1;

  private OvirtSchedule(String name) {
    this.name = name;
  }

  static OvirtSchedule minimalDowntime() {
    var schedule = new OvirtSchedule("oVirt, minimal downtime");
    schedule.items.add(new Item(-1, 0));
    return schedule;
  }

  static OvirtSchedule suspendIfNeeded() {
    var schedule = new OvirtSchedule("oVirt, suspend if needed");
    schedule.items.add(new Item(-1, 5000));
    schedule.items.add(new Item(-1, 0));
    return schedule;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Duration firstDowntime() {
    return Duration.ofMillis(100);
  }

  @Override
  public Duration interval() {
    return Duration.ofMillis(200);
  }

  @Override
  public Action look(Sample sample) {
    if (sample.iteration() == seen || items.isEmpty()) {
      return new Action.Wait();
    }
    seen = sample.iteration();
    if (items.getFirst().limit() >= seen) {
      return new Action.Wait();
    }
    int downtime = items.removeFirst().downtime();
    return downtime == 0 ? new Action.GiveUp() : new Action.Allow(Duration.ofMillis(downtime));
  }
}
