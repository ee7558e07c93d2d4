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
 *   <li>one plain stream with xbzrle, which knows no other, under a cap, which QEMU 10.0 exceeds
 *       with more (docs/reference/performance.md), and where post-copy is allowed, which QEMU
 *       before 10.1 can't combine with more;
 *   <li>otherwise a quarter of the source's cores, as each connection keeps one busy. At most
 *       eight; one is a plain stream;
 *   <li>at least two with zstd or zlib, which only work in parallel.
 * </ul>
 */
public final class StreamChoice {
  private static final int CORES_PER_CONNECTION = 4;
  private static final int MOST_CONNECTIONS = 8;

  private StreamChoice() {}

  /**
   * @param postCopy the transfer may be switched to post-copy
   * @param cores of the source
   */
  public static MemoryStream choose(LiveMigrationSpec spec, boolean postCopy, int cores) {
    var compression = compression(spec);
    int connections =
        spec.parallelConnections() == null
            ? unasked(spec, compression, postCopy, cores)
            : spec.parallelConnections();
    return new MemoryStream(
        connections > 1 ? OptionalInt.of(connections) : OptionalInt.empty(),
        compression,
        Optional.ofNullable(spec.autoConverge())
            .map(a -> new Throttle(a.initialPercentOrDefault(), a.incrementPercentOrDefault())));
  }

  private static int unasked(
      LiveMigrationSpec spec, Compression compression, boolean postCopy, int cores) {
    int least =
        switch (compression) {
          case None, Xbzrle -> 1;
          case Zstd, Zlib -> 2;
        };
    if (compression == Compression.Xbzrle || spec.bandwidthMiBps() != null || postCopy) {
      return least;
    }
    return Math.max(least, Math.min(MOST_CONNECTIONS, cores / CORES_PER_CONNECTION));
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
