package dev.drover.node.inventory;

import dev.drover.node.LogKeys;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorListener;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the hypervisor: at one domain when something happened to it, at everything at the start,
 * after a connection was lost, and every resync interval. Events only say where to look; the state
 * is always read. While libvirt is away nothing is concluded from what can't be seen.
 */
final class Observer implements HypervisorListener {
  private static final Logger LOG = LoggerFactory.getLogger(Observer.class);

  /** After a call failed although libvirt is there. */
  static final Duration RETRY = Duration.ofSeconds(1);

  /** How long a connection that is only being made is not yet called lost. */
  static final Duration FIRST_CONTACT = Duration.ofSeconds(3);

  /** Told when there may be something to write. */
  interface Changes {
    void sightings();

    void node();
  }

  private final Hypervisor hypervisor;
  private final SightingBook book;
  private final NodePlan node;
  private final Changes changes;
  private final Duration resyncInterval;
  private final InstantSource clock;
  private final Runnable wake;

  private final Object lock = new Object();
  private final LinkedHashMap<UUID, Instant> touched = new LinkedHashMap<>();
  private boolean everything = true;

  private @Nullable Instant started;
  private @Nullable Instant lastResync;
  private volatile boolean tried;

  /** {@code wake} makes the thread that runs {@link #round} do so soon; it must not block. */
  Observer(
      Hypervisor hypervisor,
      SightingBook book,
      NodePlan node,
      Changes changes,
      Duration resyncInterval,
      InstantSource clock,
      Runnable wake) {
    this.hypervisor = hypervisor;
    this.book = book;
    this.node = node;
    this.changes = changes;
    this.resyncInterval = resyncInterval;
    this.clock = clock;
    this.wake = wake;
  }

  @Override
  public void onDomainEvent(UUID uuid, DomainEvent event, Instant at) {
    synchronized (lock) {
      touched.put(uuid, at);
    }
    wake.run();
  }

  @Override
  public void onConnection(boolean connected, Instant at) {
    if (connected) {
      synchronized (lock) {
        everything = true;
      }
      wake.run();
    }
    changes.node();
  }

  /** Whether libvirt is there; empty until a first look was tried. */
  Optional<Boolean> connected() {
    return tried ? Optional.of(hypervisor.isConnected()) : Optional.empty();
  }

  /** Looks at what was touched, or at everything if it is time; returns when it will be. */
  Duration round() {
    var now = clock.instant();
    started = started == null ? now : started;
    try {
      lookAtTouched();
      if (takeEverything()) {
        lookAtEverything();
      }
    } catch (HypervisorException e) {
      synchronized (lock) {
        everything = true; // a look that failed half-way is no look
      }
      var firstContact = new Due(started, FIRST_CONTACT).remaining(now);
      if (!tried && !hypervisor.isConnected() && !firstContact.isZero()) {
        return firstContact;
      }
      noteTried();
      if (e.kind() != HypervisorException.Kind.Unavailable) {
        LOG.atWarn()
            .addKeyValue(LogKeys.REASON, e.kind())
            .addKeyValue(LogKeys.ERROR, e.getMessage())
            .log("libvirt does not say what is on this host; it is asked again");
        return RETRY;
      }
      return resyncInterval; // or when the connection is back
    }
    noteTried();
    return untilResync();
  }

  private void noteTried() {
    if (!tried) {
      tried = true;
      changes.node();
    }
  }

  private Duration untilResync() {
    return lastResync == null
        ? Duration.ZERO
        : new Due(lastResync, resyncInterval).remaining(clock.instant());
  }

  private void lookAtTouched() throws HypervisorException {
    for (var next = takeTouched(); next.isPresent(); next = takeTouched()) {
      var uuid = next.get().getKey();
      try {
        book.observe(uuid, hypervisor.domain(uuid), next.get().getValue());
      } catch (HypervisorException e) {
        synchronized (lock) {
          touched.putIfAbsent(uuid, next.get().getValue());
        }
        throw e;
      }
      changes.sightings();
    }
  }

  private Optional<Map.Entry<UUID, Instant>> takeTouched() {
    synchronized (lock) {
      return Optional.ofNullable(touched.pollFirstEntry());
    }
  }

  private boolean takeEverything() {
    synchronized (lock) {
      boolean now = everything || untilResync().isZero();
      everything = false;
      return now;
    }
  }

  private void lookAtEverything() throws HypervisorException {
    var facts = hypervisor.host();
    var domains = hypervisor.domains();
    var pools = hypervisor.pools();
    var now = clock.instant();
    lastResync = now;
    book.observeAll(domains, now);
    node.observe(facts, domains, pools);
    changes.sightings();
    changes.node();
  }
}
