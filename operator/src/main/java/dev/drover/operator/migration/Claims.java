package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * What migrations have been given before the cache shows it: a virtual machine and a slot at either
 * end. Decisions about either are made one after the other, so that a burst of migrations can't
 * exceed a limit, nor two of them get the same virtual machine.
 *
 * <p>Claims only bridge the time until the cache has caught up; after a restart the statuses alone
 * say who has what.
 */
public final class Claims {
  private record Claim(String sourceNode, String targetNode) {}

  private final ReentrantLock lock = new ReentrantLock();
  // INVARIANT: both are only touched with the lock held.
  private final Map<String, Claim> claims = new HashMap<>();
  private final Map<String, Set<String>> waiting = new HashMap<>();

  /** Runs one decision while nobody else decides. */
  public <T> T exclusively(Supplier<T> decision) {
    lock.lock();
    try {
      return decision.get();
    } finally {
      lock.unlock();
    }
  }

  /** All migrations but {@code self} that have not ended, with what they have claimed. */
  public List<Peer> peers(Stream<LiveMigration> all, LiveMigration self, Instant now) {
    lock.lock();
    try {
      String uid = self.getMetadata().getUid();
      List<Peer> peers = new ArrayList<>();
      all.filter(m -> !Objects.equals(m.getMetadata().getUid(), uid))
          .filter(m -> m.getStatus() == null || !m.getStatus().phaseValue().isTerminal())
          .forEach(
              m -> {
                String other = m.getMetadata().getUid();
                Peer peer = Peer.of(m, now, waiting.getOrDefault(other, Set.of()));
                Claim claim = claims.get(other);
                peers.add(
                    claim == null ? peer : peer.withClaim(claim.sourceNode, claim.targetNode));
              });
      return List.copyOf(peers);
    } finally {
      lock.unlock();
    }
  }

  /** Takes what {@code next} is about to say, before it is written. */
  void take(String uid, LiveMigrationStatus next, Set<String> waitingFor) {
    lock.lock();
    try {
      String source = next.sourceNode();
      String target = next.targetNode();
      if (next.phaseValue() == Phase.Pending || source == null || target == null) {
        claims.remove(uid);
      } else {
        claims.put(uid, new Claim(source, target));
      }
      if (waitingFor.isEmpty()) {
        waiting.remove(uid);
      } else {
        waiting.put(uid, waitingFor);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Gives back everything; the migration has ended for certain, or is gone. */
  void release(String uid) {
    lock.lock();
    try {
      claims.remove(uid);
      waiting.remove(uid);
    } finally {
      lock.unlock();
    }
  }
}
