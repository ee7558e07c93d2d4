package dev.drover.operator.cluster;

import dev.drover.api.v1alpha1.Drover;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZonedDateTime;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * When each daemon was last heard of. A renewal counts from the moment that it is seen here, so
 * that a host's wrong clock neither kills nor immortalises its daemon; only the first sight of a
 * Lease after a start goes by the time written in it.
 */
public final class Heartbeats implements ResourceEventHandler<Lease> {
  private record Beat(ZonedDateTime renewTime, Instant seenAt) {}

  private final InstantSource clock;
  private final Duration expiry;
  private final ConcurrentMap<String, Beat> beats = new ConcurrentHashMap<>();
  private final CopyOnWriteArrayList<Consumer<String>> listeners = new CopyOnWriteArrayList<>();

  public Heartbeats(InstantSource clock, Duration expiry) {
    this.clock = clock;
    this.expiry = expiry;
  }

  /** {@code listener} hears the name of a node whose daemon comes (back) to life or goes. */
  public void onChange(Consumer<String> listener) {
    listeners.add(listener);
  }

  public Optional<Instant> lastSeen(String node) {
    return Optional.ofNullable(beats.get(node)).map(Beat::seenAt);
  }

  /** Whether its daemon has not been heard of in time, or never. */
  boolean isSilent(String node) {
    Beat last = beats.get(node);
    return last == null || isExpired(last, clock.instant());
  }

  private boolean isExpired(Beat beat, Instant now) {
    return !beat.seenAt.plus(expiry).isAfter(now);
  }

  @Override
  public void onAdd(Lease lease) {
    seen(lease);
  }

  @Override
  public void onUpdate(Lease old, Lease lease) {
    seen(lease);
  }

  @Override
  public void onDelete(Lease lease, boolean finalStateUnknown) {
    String node = node(lease);
    if (node != null && beats.remove(node) != null) {
      listeners.forEach(l -> l.accept(node));
    }
  }

  private void seen(Lease lease) {
    String node = node(lease);
    if (node == null || lease.getSpec() == null || lease.getSpec().getRenewTime() == null) {
      return;
    }
    ZonedDateTime renewTime = lease.getSpec().getRenewTime();
    Instant now = clock.instant();
    Beat before = beats.get(node);
    if (before != null && before.renewTime.isEqual(renewTime)) {
      return;
    }
    Instant written = renewTime.toInstant();
    Instant seenAt = before == null && written.isBefore(now) ? written : now;
    beats.put(node, new Beat(renewTime, seenAt));
    // A renewal in time changes nothing for anybody; at a thousand hosts that is 200 a second.
    if (before == null || isExpired(before, now)) {
      listeners.forEach(l -> l.accept(node));
    }
  }

  private static @Nullable String node(Lease lease) {
    String name = lease.getMetadata().getName();
    return name.startsWith(Drover.HEARTBEAT_LEASE_PREFIX)
        ? name.substring(Drover.HEARTBEAT_LEASE_PREFIX.length())
        : null;
  }
}
