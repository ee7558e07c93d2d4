package dev.drover.node.stream;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.node.hypervisor.MemoryStream;
import dev.drover.node.hypervisor.MemoryStream.Compression;
import dev.drover.node.hypervisor.MemoryStream.Throttle;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Which way memory takes. What the spec names is taken as it is; {@link StreamCheck} has seen to it
 * that it can work. Without {@code parallelConnections} their number is
 *
 * <ul>
 *   <li>one plain stream where one core fills the link, or where it is not known how fast the link
 *       is; and where post-copy may be wanted, which older QEMUs can't do beside several;
 *   <li>on a faster link one for each 12.5 Gbit/s, as far as the cores go: then the lowest cap that
 *       holds is below 1 % of the link (docs/reference/performance.md);
 *   <li>with zstd or zlib, which only work in parallel, a quarter of the source's cores, as each
 *       connection keeps one busy; at least two;
 *   <li>with TLS, for a large guest at least two: QEMU up to 10.0 can crash when GnuTLS makes new
 *       keys on the main connection, after some 64 GB (qemu#1937), and memory then keeps off it.
 * </ul>
 *
 * at most eight.
 */
public final class StreamChoice {
  private static final int CORES_PER_CONNECTION = 4;
  private static final int LEAST_IN_PARALLEL = 2;
  private static final int MOST_CONNECTIONS = 8;
  private static final int MEGABITS_PER_CONNECTION = 12_500;

  /** A guest of that size may be sent four times before the 64 GB are reached. */
  private static final long LARGE_BYTES = 16L << 30;

  private StreamChoice() {}

  /**
   * @param postCopy the transfer may be switched to post-copy
   * @param cores of the source
   * @param linkMegabitsPerSecond of the source's way to the target; empty: not known
   * @param encryptedBytes size of the guest's memory, if it goes by TLS; else 0
   */
  public static MemoryStream choose(
      LiveMigrationSpec spec,
      boolean postCopy,
      int cores,
      OptionalInt linkMegabitsPerSecond,
      long encryptedBytes) {
    var compression = compression(spec);
    int least = encryptedBytes >= LARGE_BYTES ? LEAST_IN_PARALLEL : 1;
    int connections =
        spec.parallelConnections() == null
            ? unasked(
                compression,
                postCopy,
                Math.min(cores / CORES_PER_CONNECTION, MOST_CONNECTIONS),
                linkMegabitsPerSecond,
                least)
            : spec.parallelConnections();
    return new MemoryStream(
        connections > 1 ? OptionalInt.of(connections) : OptionalInt.empty(),
        compression,
        Optional.ofNullable(spec.autoConverge())
            .map(a -> new Throttle(a.initialPercentOrDefault(), a.incrementPercentOrDefault())),
        spec.zeroCopyRequested());
  }

  /**
   * The cap is not looked at: it may change, and who takes over a running transfer has to come to
   * the same number.
   */
  private static int unasked(
      Compression compression,
      boolean postCopy,
      int byCores,
      OptionalInt linkMegabitsPerSecond,
      int least) {
    return switch (compression) {
      case Xbzrle -> 1;
      case None ->
          postCopy
              ? 1
              : Math.clamp(
                  linkMegabitsPerSecond.orElse(0) / MEGABITS_PER_CONNECTION,
                  least,
                  Math.max(least, byCores));
      case Zstd, Zlib -> postCopy ? LEAST_IN_PARALLEL : Math.max(byCores, LEAST_IN_PARALLEL);
    };
  }

  private static Compression compression(LiveMigrationSpec spec) {
    return switch (spec.compressionOrDefault()) {
      case None -> Compression.None;
      case Xbzrle -> Compression.Xbzrle;
      case Zstd -> Compression.Zstd;
      case Zlib -> Compression.Zlib;
    };
  }
}
