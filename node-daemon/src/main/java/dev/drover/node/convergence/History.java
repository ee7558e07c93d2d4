package dev.drover.node.convergence;

import java.util.ArrayList;
import java.util.List;

/**
 * What was measured of one transfer, newest last, however long it takes: all looks of the last
 * minutes, and of what came before only those that began an iteration, ever fewer of them. Not
 * thread-safe.
 */
public final class History {
  static final int RECENT = 600;
  static final int OLDER = 2000;

  private final List<Sample> older = new ArrayList<>();
  private final List<Sample> recent = new ArrayList<>();

  public void add(Sample sample) {
    recent.add(sample);
    if (recent.size() > RECENT) {
      var leaving = recent.removeFirst();
      if (older.isEmpty() || older.getLast().iteration() != leaving.iteration()) {
        older.add(leaving);
      }
      if (older.size() > OLDER) {
        thin();
      }
    }
  }

  /** Every second of the older half goes. */
  private void thin() {
    List<Sample> kept = new ArrayList<>(OLDER);
    for (int i = 0; i < older.size(); i++) {
      if (i >= OLDER / 2 || i % 2 == 0) {
        kept.add(older.get(i));
      }
    }
    older.clear();
    older.addAll(kept);
  }

  public List<Sample> samples() {
    List<Sample> all = new ArrayList<>(older.size() + recent.size());
    all.addAll(older);
    all.addAll(recent);
    return all;
  }
}
