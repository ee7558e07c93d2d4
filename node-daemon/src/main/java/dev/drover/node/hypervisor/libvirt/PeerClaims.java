package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.libvirt.TcpSocket.SocketId;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of the connections from this host's libvirt to other hosts' belongs to which transfer.
 * libvirt does not tell, so transfers are started one after another, and what is new afterwards is
 * the new one's. Thread-safe.
 */
final class PeerClaims {
  private static final Logger LOGGER = LoggerFactory.getLogger(PeerClaims.class);
  private static final Set<Integer> LIBVIRT_PORTS = Set.of(16509, 16514);
  private static final Duration APPEARS_WITHIN = Duration.ofMillis(500);
  private static final long PAUSE_MILLISECONDS = 5;

  private final SocketOwners owners;
  private final ReentrantLock turn = new ReentrantLock(true);
  private final Map<UUID, SocketId> claims = new HashMap<>();

  PeerClaims(SocketOwners owners) {
    this.owners = owners;
  }

  /** What begins a transfer. */
  interface Start<T> {
    T run() throws HypervisorException;
  }

  /**
   * Runs {@code start}, and learns which connection it makes. That it can't be learned is no
   * failure; then {@link #of} is empty.
   */
  <T> T starting(UUID uuid, PeerAddress target, Start<T> start) throws HypervisorException {
    boolean mine = false;
    try {
      // Two starts at once, and nobody's connection is told from the other's.
      mine = turn.tryLock(APPEARS_WITHIN.toMillis() * 4, TimeUnit.MILLISECONDS);
      Optional<Set<SocketId>> before = mine ? connections(target) : Optional.empty();
      T started = start.run();
      if (before.isPresent()) {
        claim(uuid, target, before.get());
      }
      return started;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HypervisorException(Kind.Timeout, "interrupted before the start", e);
    } finally {
      if (mine) {
        turn.unlock();
      }
    }
  }

  private void claim(UUID uuid, PeerAddress target, Set<SocketId> before) {
    long end = System.nanoTime() + APPEARS_WITHIN.toNanos();
    while (System.nanoTime() < end) {
      Optional<Set<SocketId>> now = connections(target);
      if (now.isEmpty()) {
        return;
      }
      List<SocketId> added = now.get().stream().filter(id -> !before.contains(id)).toList();
      if (!added.isEmpty()) {
        if (added.size() == 1) {
          synchronized (claims) {
            claims.put(uuid, added.getFirst());
          }
        }
        return;
      }
      try {
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt(); // the transfer has started, and is to be followed
        return;
      }
    }
  }

  private Optional<Set<SocketId>> connections(PeerAddress target) {
    try {
      return Optional.of(
          all(target).stream().map(TcpSocket::id).collect(Collectors.toUnmodifiableSet()));
    } catch (HypervisorException e) {
      LOGGER.atDebug().setCause(e).log("libvirt's connections can't be looked at");
      return Optional.empty();
    }
  }

  /**
   * The connection of that guest's transfer, if it is there and known. Of a transfer that an
   * earlier daemon has started it is known only if no other connection is in question.
   */
  Optional<TcpSocket> of(UUID uuid, PeerAddress target) throws HypervisorException {
    List<TcpSocket> all = all(target);
    synchronized (claims) {
      SocketId own = claims.get(uuid);
      if (own != null) {
        return all.stream().filter(socket -> socket.id().equals(own)).findFirst();
      }
      List<TcpSocket> unclaimed =
          all.stream().filter(socket -> !claims.containsValue(socket.id())).toList();
      return unclaimed.size() == 1 ? Optional.of(unclaimed.getFirst()) : Optional.empty();
    }
  }

  /** The transfer is over. */
  void forget(UUID uuid) {
    synchronized (claims) {
      claims.remove(uuid);
    }
  }

  private List<TcpSocket> all(PeerAddress target) throws HypervisorException {
    Set<Long> libvirt = owners.socketsOfLibvirt();
    return SocketDiagnosis.to(target.address()).stream()
        .filter(socket -> LIBVIRT_PORTS.contains(socket.remotePort()))
        .filter(socket -> libvirt.contains(socket.inode()))
        .toList();
  }
}
