package dev.drover.node.stream;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Compression;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.hypervisor.HostFacts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Whether the options of a spec can work with this host's libvirt and QEMU. Both daemons ask, each
 * for its own host, before anything is touched: old versions do not check it themselves, and break
 * in the middle (QEMU 7.2 with post-copy or xbzrle in parallel).
 */
public final class StreamCheck {
  private static final int[] ZSTD_AND_ZLIB = {9, 4};
  private static final int[] LIBVIRT_ZERO_COPY = {8, 5};
  private static final int[] QEMU_ZERO_COPY = {7, 1};
  private static final int[] POST_COPY_IN_PARALLEL = {10, 1};

  private StreamCheck() {}

  /**
   * The same, of the host that knows how memory goes.
   *
   * @param encrypted memory goes by TLS
   */
  public static List<Blocker> against(LiveMigrationSpec spec, HostFacts host, boolean encrypted) {
    List<Blocker> blockers = new ArrayList<>(against(spec, host));
    if (encrypted && spec.zeroCopyRequested()) {
      blockers.add(blocker("zeroCopy does not go with TLS, which has to touch each byte"));
    }
    return List.copyOf(blockers);
  }

  /** What speaks against it on that host; empty if nothing does. */
  public static List<Blocker> against(LiveMigrationSpec spec, HostFacts host) {
    List<Blocker> blockers = new ArrayList<>();
    Compression compression = spec.compressionOrDefault();
    Integer connections = spec.parallelConnections();
    boolean onlyInParallel = compression == Compression.Zstd || compression == Compression.Zlib;
    boolean inParallel = onlyInParallel || (connections != null && connections > 1);
    // The API server refuses these three as well; an object may be older than its schema.
    if (compression == Compression.Xbzrle && inParallel) {
      blockers.add(blocker("compression Xbzrle does not work with parallel connections"));
    }
    if (onlyInParallel && connections != null && connections == 1) {
      blockers.add(blocker("compression %s needs two connections".formatted(compression)));
    }
    int lowest =
        LiveMigrationSpec.LEAST_BANDWIDTH_PER_CONNECTION * (connections == null ? 2 : connections);
    if (inParallel && spec.bandwidthMiBps() != null && spec.bandwidthMiBps() < lowest) {
      blockers.add(
          blocker("with that many connections no bandwidthMiBps below %d holds".formatted(lowest)));
    }
    if (spec.zeroCopyRequested()) {
      zeroCopy(compression, inParallel, host, blockers);
    }
    if (onlyInParallel && isBefore(host.libvirtVersion(), ZSTD_AND_ZLIB)) {
      blockers.add(
          blocker(
              "compression %s needs libvirt 9.4; %s has %s"
                  .formatted(compression, host.hostname(), host.libvirtVersion())));
    }
    if (spec.postCopyOrDefault() == PostCopyPolicy.Allowed
        && inParallel
        && isBefore(host.qemuVersion(), POST_COPY_IN_PARALLEL)) {
      blockers.add(
          blocker(
              "post-copy with parallel connections%s needs QEMU 10.1; %s has %s"
                  .formatted(
                      onlyInParallel ? " (and with compression " + compression + ")" : "",
                      host.hostname(),
                      host.qemuVersion())));
    }
    return List.copyOf(blockers);
  }

  private static void zeroCopy(
      Compression compression, boolean inParallel, HostFacts host, List<Blocker> blockers) {
    if (compression != Compression.None || !inParallel) {
      blockers.add(blocker("zeroCopy needs parallel connections, and no compression"));
    }
    if (isBefore(host.libvirtVersion(), LIBVIRT_ZERO_COPY)
        || isBefore(host.qemuVersion(), QEMU_ZERO_COPY)) {
      blockers.add(
          blocker(
              "zeroCopy needs libvirt 8.5 and QEMU 7.1; %s has %s and %s"
                  .formatted(host.hostname(), host.libvirtVersion(), host.qemuVersion())));
    }
  }

  private static Blocker blocker(String message) {
    return Blocker.of(Reason.OptionNotSupported, message);
  }

  private static boolean isBefore(String version, int[] needed) {
    int[] has =
        Arrays.stream(version.split("[^0-9]+"))
            .filter(part -> !part.isEmpty())
            .limit(needed.length)
            .mapToInt(Integer::parseInt)
            .toArray();
    return Arrays.compare(has, needed) < 0;
  }
}
