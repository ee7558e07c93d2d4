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
 *   <li>one plain stream where nothing needs more: a cap may be given at any moment, and QEMU 10.0
 *       exceeds it with several (docs/reference/performance.md);
 *   <li>with zstd or zlib, which only work in parallel, a quarter of the source's cores, as each
 *       connection keeps one busy; at least two, at most eight. The API server refuses a cap there.
 * </ul>
 */
public final class StreamChoice {
  private static final int CORES_PER_CONNECTION = 4;
  private static final int LEAST_IN_PARALLEL = 2;
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
            ? unasked(compression, postCopy, cores)
            : spec.parallelConnections();
    return new MemoryStream(
        connections > 1 ? OptionalInt.of(connections) : OptionalInt.empty(),
        compression,
        Optional.ofNullable(spec.autoConverge())
            .map(a -> new Throttle(a.initialPercentOrDefault(), a.incrementPercentOrDefault())),
        spec.zeroCopyRequested());
  }

  private static int unasked(Compression compression, boolean postCopy, int cores) {
    return switch (compression) {
      case None, Xbzrle -> 1;
      case Zstd, Zlib ->
          postCopy
              ? LEAST_IN_PARALLEL
              : Math.clamp(cores / CORES_PER_CONNECTION, LEAST_IN_PARALLEL, MOST_CONNECTIONS);
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
