package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.libvirt.LibvirtErrors.Side;
import dev.drover.node.hypervisor.libvirt.NativeCalls.Commitment;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.libvirt.LibvirtException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to this host's libvirt. One <em>main</em> link carries the events and tells whether
 * libvirt is there; a thread of its own keeps it up. Calls go over links of their own, one call at
 * a time each, kept for the next. So
 *
 * <ul>
 *   <li>while libvirt is away, calls fail at once;
 *   <li>a call that hangs, because one guest's emulator does not answer, holds up no other call:
 *       libvirtd stops reading a connection that has five calls outstanding;
 *   <li>nobody closes a connection that is in use.
 * </ul>
 */
final class ControlConnection implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(ControlConnection.class);
  private static final int MAX_IDLE = 4;

  private final LibvirtConfig config;
  private final NativeCalls calls;
  private final DomainEvents events;
  private final Runnable connected;

  /** Guests with an overdue call to their emulator: another one would only hang, too. */
  private final ConcurrentMap<UUID, AtomicBoolean> stuck = new ConcurrentHashMap<>();

  private final Object lock = new Object();

  /** Below: guarded by {@link #lock}. */
  private final Deque<Link> idle = new ArrayDeque<>();

  private boolean up;
  private boolean closed;

  /** Counts the times that libvirt came back: a link of an earlier time is not used again. */
  private long generation;

  /**
   * Begins to connect, and returns.
   *
   * @param connected called each time when libvirt has come back, before calls are let through
   */
  ControlConnection(
      LibvirtConfig config, NativeCalls calls, DomainEvents events, Runnable connected) {
    this.config = config;
    this.calls = calls;
    this.events = events;
    this.connected = connected;
    Thread.ofPlatform().daemon().name("libvirt-connection").start(this::keepUp);
  }

  /** What is done with a link. */
  interface LinkCall<T> {
    T run(Link link) throws HypervisorException;
  }

  /** What takes a link over. */
  interface LinkTaker<T> {
    T run(Link link, Commitment commitment) throws HypervisorException;
  }

  boolean isUp() {
    synchronized (lock) {
      return up;
    }
  }

  /** Runs a call of libvirt within the deadline. */
  <T> T call(String what, Duration deadline, LinkCall<T> call) throws HypervisorException {
    return call(what, deadline, call, () -> {});
  }

  /**
   * Runs a call that may ask the guest's emulator, which may not answer. While such a call is
   * overdue, further ones for that guest throw kind {@code Timeout} at once.
   */
  <T> T emulatorCall(String what, UUID guest, Duration deadline, LinkCall<T> call)
      throws HypervisorException {
    requireUp();
    if (stuck.containsKey(guest)) {
      throw new HypervisorException(
          Kind.Timeout, -1, what + ": an earlier call to this guest's emulator has not returned");
    }
    AtomicBoolean ended = new AtomicBoolean();
    try {
      return call(
          what,
          deadline,
          call,
          () -> {
            ended.set(true);
            stuck.remove(guest, ended);
          });
    } catch (HypervisorException e) {
      if (e.kind() == Kind.Timeout && !ended.get()) {
        stuck.put(guest, ended);
        if (ended.get()) {
          stuck.remove(guest, ended);
        }
      }
      throw e;
    }
  }

  private <T> T call(String what, Duration deadline, LinkCall<T> call, Runnable ended)
      throws HypervisorException {
    requireUp();
    AtomicBoolean givenUp = new AtomicBoolean();
    try {
      return calls.run(
          what,
          deadline,
          () -> {
            try {
              return onLink(call, givenUp);
            } finally {
              ended.run();
            }
          });
    } catch (HypervisorException e) {
      givenUp.set(true);
      throw e;
    }
  }

  /**
   * Opens a link for {@code taker} alone, which commits itself right before its effect, takes the
   * link over when it returns, and shuts it when it is done. If this throws kind {@code Timeout},
   * the taker has not committed itself and never will: no effect was or will be had.
   */
  <T> T onOwnLink(String what, LinkTaker<T> taker) throws HypervisorException {
    requireUp();
    return calls.runCommitting(
        what,
        config.callDeadline(),
        commitment -> {
          Link link = open();
          boolean taken = false;
          try {
            commitment.requireWanted();
            T result = taker.run(link, commitment);
            taken = true;
            return result;
          } finally {
            if (!taken) {
              link.shut();
            }
          }
        });
  }

  /** Ends the connection. Calls that run end by themselves. */
  @Override
  public void close() {
    synchronized (lock) {
      closed = true;
      up = false;
      lock.notifyAll();
    }
  }

  private void requireUp() throws HypervisorException {
    if (!isUp()) {
      throw new HypervisorException(Kind.Unavailable, -1, "no connection to " + config.uri());
    }
  }

  private Link open() throws HypervisorException {
    return Link.open(
        config.uri(), config.keepAliveSeconds(), config.keepAliveCount(), Side.ThisHost);
  }

  private <T> T onLink(LinkCall<T> call, AtomicBoolean givenUp) throws HypervisorException {
    long mine;
    Link link;
    synchronized (lock) {
      mine = generation;
      link = idle.pollFirst();
    }
    if (link == null) {
      link = open();
    }
    try {
      requireWanted(givenUp);
      return call.run(link);
    } finally {
      giveBack(link, mine);
      // The collector may take the wrapper of a pointer that native code uses.
      Reference.reachabilityFence(link);
    }
  }

  /** Nobody would know that a call took effect for which nobody waits any more. */
  private static void requireWanted(AtomicBoolean givenUp) throws HypervisorException {
    if (givenUp.get()) {
      throw new HypervisorException(Kind.Timeout, -1, "connecting took too long");
    }
  }

  private void giveBack(Link link, long since) {
    boolean kept = link.isUp();
    if (kept) {
      synchronized (lock) {
        kept = up && generation == since && idle.size() < MAX_IDLE;
        if (kept) {
          idle.addFirst(link);
        }
      }
    }
    if (!kept) {
      link.shut();
    }
  }

  /** The keeper's life. */
  private void keepUp() {
    @Nullable String lastFailure = null;
    while (!isClosed()) {
      try {
        Link main = open();
        lastFailure = null;
        watch(main);
      } catch (HypervisorException e) {
        // Told once, not every second.
        if (!String.valueOf(e.getMessage()).equals(lastFailure)) {
          lastFailure = String.valueOf(e.getMessage());
          LOGGER
              .atWarn()
              .addKeyValue("uri", config.uri())
              .addKeyValue("cause", lastFailure)
              .log("No connection to libvirt, trying on");
        }
      } catch (LinkageError e) {
        LOGGER.atError().setCause(e).log("libvirt can't be loaded; nothing will work");
        return;
      } catch (RuntimeException e) {
        // Whatever it was: without this thread the daemon would be deaf for ever.
        LOGGER.atError().setCause(e).log("The connection failed, trying again");
      }
      pause(config.reconnectInterval());
    }
  }

  /** Serves one main link until it breaks or is no longer wanted. */
  private void watch(Link main) throws HypervisorException {
    DomainEvents.@Nullable Registration registration = null;
    try {
      // Runs on libvirt's event loop, and so must only wake.
      main.registerCloseListener((connection, reason) -> wake());
      registration = events.register(main);
      connected.run();
      synchronized (lock) {
        if (closed) {
          return;
        }
        generation++;
        up = true;
      }
      LOGGER.atInfo().addKeyValue("uri", config.uri()).log("Connected to libvirt");
      events.connection(true);
      // The close listener wakes us; the interval covers a break before it was registered.
      while (main.isUp() && !isClosed()) {
        pause(config.reconnectInterval());
      }
    } catch (LibvirtException e) {
      throw main.error(e);
    } finally {
      goDown();
      if (registration != null) {
        registration.undo();
      }
      try {
        main.unregisterCloseListener();
      } catch (LibvirtException e) {
        LOGGER.atDebug().setCause(e).log("The close listener could not be removed");
      }
      main.shut();
    }
  }

  private void goDown() {
    boolean was;
    List<Link> left;
    synchronized (lock) {
      was = up;
      up = false;
      left = List.copyOf(idle);
      idle.clear();
    }
    if (was) {
      LOGGER.atWarn().addKeyValue("uri", config.uri()).log("The connection to libvirt is gone");
      events.connection(false);
    }
    for (Link link : left) {
      try {
        // Each may block as long as the far side is silent.
        calls.execute(link::shut);
      } catch (RejectedExecutionException e) {
        link.shut();
      }
    }
  }

  private boolean isClosed() {
    synchronized (lock) {
      return closed;
    }
  }

  private void wake() {
    synchronized (lock) {
      lock.notifyAll();
    }
  }

  /** A pause that ends too early only makes the next look come earlier. */
  @SuppressWarnings("WaitNotInLoop")
  private void pause(Duration atMost) {
    synchronized (lock) {
      if (!closed) {
        try {
          lock.wait(Math.max(1, atMost.toMillis()));
        } catch (InterruptedException e) {
          // Nobody but a JVM in its last moments interrupts this thread.
          closed = true;
        }
      }
    }
  }
}
