package dev.drover.node.target;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What this host has promised to guests that are on their way: memory, and room in pools. In memory
 * only: after a restart each migration that has a reservation takes its hold again before a new one
 * can be checked.
 *
 * <p>A hold lasts until the migration ends, though the guest takes up its memory and room bit by
 * bit: what is counted twice meanwhile errs on the safe side.
 */
final class Holds {
  /** Stands for the size of huge page that is the host's default. */
  static final long DEFAULT_SIZE = 0;

  /**
   * What one guest needs, in bytes.
   *
   * @param memoryBytes of ordinary pages
   * @param hugePageBytes by the size of a page in KiB; {@link #DEFAULT_SIZE}: the host's default
   * @param poolBytes by pool name
   */
  record Need(long memoryBytes, Map<Long, Long> hugePageBytes, Map<String, Long> poolBytes) {
    Need {
      hugePageBytes = Map.copyOf(hugePageBytes);
      poolBytes = Map.copyOf(poolBytes);
    }
  }

  private final Map<String, Need> byMigration = new HashMap<>();

  /**
   * Takes a hold if fewer than {@code maxHolds} are out; true also if the migration has one
   * already.
   */
  synchronized boolean take(String uid, Need need, int maxHolds) {
    if (!byMigration.containsKey(uid) && byMigration.size() >= maxHolds) {
      return false;
    }
    byMigration.put(uid, need);
    return true;
  }

  synchronized void release(String uid) {
    byMigration.remove(uid);
  }

  /** The uids of those that have one; the caller's own set. */
  synchronized Set<String> migrations() {
    return new TreeSet<>(byMigration.keySet());
  }

  synchronized boolean has(String uid) {
    return byMigration.containsKey(uid);
  }

  synchronized int count() {
    return byMigration.size();
  }

  /** Bytes of memory promised to migrations other than {@code uid}. */
  synchronized long memoryBytesOfOthers(String uid) {
    return byMigration.entrySet().stream()
        .filter(e -> !e.getKey().equals(uid))
        .mapToLong(e -> e.getValue().memoryBytes())
        .sum();
  }

  /** Bytes in huge pages of that size promised to migrations other than {@code uid}. */
  synchronized long hugePageBytesOfOthers(String uid, long kibibytes) {
    return byMigration.entrySet().stream()
        .filter(e -> !e.getKey().equals(uid))
        .mapToLong(e -> e.getValue().hugePageBytes().getOrDefault(kibibytes, 0L))
        .sum();
  }

  /** Bytes of that pool promised to migrations other than {@code uid}. */
  synchronized long poolBytesOfOthers(String uid, String pool) {
    return byMigration.entrySet().stream()
        .filter(e -> !e.getKey().equals(uid))
        .mapToLong(e -> e.getValue().poolBytes().getOrDefault(pool, 0L))
        .sum();
  }
}
