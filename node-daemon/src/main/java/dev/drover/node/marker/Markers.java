package dev.drover.node.marker;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PoolState;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Supplier;

/**
 * One kind of tiny volume that this node's daemon puts into pools, each named after the migration
 * that it is for.
 */
public final class Markers {
  private static final int MAX_BYTES = 1024;

  private final Hypervisor hypervisor;
  private final String prefix;
  private final BiPredicate<String, String> ours;

  /**
   * @param prefix of their names; the migration's uid follows
   * @param ours of a migration's uid and what its marker holds: whether this node has made it
   */
  public Markers(Hypervisor hypervisor, String prefix, BiPredicate<String, String> ours) {
    this.hypervisor = hypervisor;
    this.prefix = prefix;
    this.ours = ours;
  }

  /** The volume's name. */
  public String of(String migrationUid) {
    return prefix + migrationUid;
  }

  /** Makes it. It must not be there yet. */
  public void put(String pool, String migrationUid, String content) throws HypervisorException {
    hypervisor.writeProbe(pool, of(migrationUid), content.getBytes(US_ASCII));
  }

  /** Nothing if there is none. */
  public void remove(String pool, String migrationUid) throws HypervisorException {
    hypervisor.deleteVolume(pool, of(migrationUid));
  }

  /** The pools that may have some. */
  public List<String> pools() throws HypervisorException {
    return hypervisor.pools().stream()
        .filter(pool -> pool.active() && pool.filesystem())
        .map(PoolState::name)
        .toList();
  }

  /**
   * Removes those of migrations that came to their end, or were deleted, while this daemon, or its
   * libvirt, was away. INVARIANT: only what this node has made: a pool may be shared, with another
   * cluster's nodes, too.
   *
   * @param underWay asks the API server for the uids of all migrations of this node that have not
   *     ended
   */
  public void removeEnded(Supplier<Set<String>> underWay) throws HypervisorException {
    // INVARIANT: looked for before it is asked, so that each was this node's by then.
    List<Left> left = left();
    if (left.isEmpty()) {
      return;
    }
    Set<String> needed = underWay.get();
    for (Left marker : left) {
      if (!needed.contains(marker.migrationUid())) {
        remove(marker.pool(), marker.migrationUid());
      }
    }
  }

  private record Left(String pool, String migrationUid) {}

  private List<Left> left() throws HypervisorException {
    List<Left> left = new ArrayList<>();
    for (String pool : pools()) {
      for (String name : hypervisor.volumeNames(pool)) {
        if (name.startsWith(prefix)) {
          String uid = name.substring(prefix.length());
          var content = hypervisor.readProbe(pool, name, MAX_BYTES);
          if (content.isPresent() && ours.test(uid, new String(content.get(), US_ASCII))) {
            left.add(new Left(pool, uid));
          }
        }
      }
    }
    return left;
  }
}
