package dev.drover.testbed.host;

import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/**
 * The wall clock of a host's libvirtd, daemon and guests' QEMU processes; {@code clock.c} says how.
 * Their monotonic clock goes on as if nothing had been, as on a real host.
 */
public final class HostClock {

  static final String PRELOAD = "LD_PRELOAD=/etc/drover/clock.so";

  private final HypervisorHost host;

  HostClock(HypervisorHost host) {
    this.host = host;
  }

  /** Steps it to so much after the machine's clock; before it, if negative. */
  public void setAhead(Duration step) {
    ByteBuffer seconds = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
    seconds.putLong(step.toSeconds()).flip();
    // Written in place: it is mapped by the host's processes.
    try (var file =
        FileChannel.open(offset(), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      file.write(seconds, 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What the host's processes will find when they are started; the clock is right then. */
  void install() {
    Path library = host.directory("etc").resolve("clock.so");
    try {
      if (!Files.exists(library)) {
        Files.copy(
            Recipes.clock().resolve("clock.so"), library, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    setAhead(Duration.ZERO);
  }

  private Path offset() {
    return host.directory("etc").resolve("clock-offset");
  }
}
