package dev.drover.node.hypervisor;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * How memory goes over; fixed from the start of a transfer on.
 *
 * @param connections in parallel (QEMU's multifd); empty: one plain stream
 * @param throttle QEMU may take CPU time from a guest that writes too much
 * @param zeroCopy the kernel sends from the guest's own memory; only in parallel, and uncompressed
 */
public record MemoryStream(
    OptionalInt connections,
    Compression compression,
    Optional<Throttle> throttle,
    boolean zeroCopy) {
  /** One connection, nothing compressed, the guest at its full speed. */
  public static final MemoryStream PLAIN =
      new MemoryStream(OptionalInt.empty(), Compression.None, Optional.empty());

  /** What becomes of the pages on their way. */
  public enum Compression {
    None,
    /** Only what has changed of a page that is sent again; never in parallel. */
    Xbzrle,
    /** Only in parallel, from libvirt 9.4 on. */
    Zstd,
    /** Only in parallel, from libvirt 9.4 on. */
    Zlib
  }

  /** How much CPU time QEMU takes first, and by how much more in each step; percent. */
  public record Throttle(int initialPercent, int incrementPercent) {}

  /** With a copy of each page. */
  public MemoryStream(
      OptionalInt connections, Compression compression, Optional<Throttle> throttle) {
    this(connections, compression, throttle, false);
  }

  public MemoryStream {
    boolean inParallel = connections.isPresent();
    switch (compression) {
      case None -> {}
      case Xbzrle -> require(!inParallel, "xbzrle does not go in parallel");
      case Zstd, Zlib -> require(inParallel, "zstd and zlib only go in parallel");
    }
    require(
        !zeroCopy || (inParallel && compression == Compression.None),
        "zero-copy only goes in parallel, and uncompressed");
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
