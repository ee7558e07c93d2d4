package dev.drover.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.drover.testbed.host.HypervisorHost;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * The life of the domains on a host, told by its libvirtd as it happens: {@code event 'lifecycle'
 * for domain 'web': Suspended Migrated}.
 */
final class DomainEvents implements AutoCloseable {
  private static final String ENDED = "";

  private final Process virsh;
  private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();

  DomainEvents(HypervisorHost host) {
    try {
      virsh =
          new ProcessBuilder(
                  host.entering(
                      List.of("stdbuf", "-oL", "virsh", "event", "--event", "lifecycle", "--loop")))
              .redirectError(new File("/dev/null"))
              .redirectInput(new File("/dev/null"))
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofPlatform().daemon().name("events-of-" + host.name()).start(this::read);
  }

  /** Waits for an event of a domain; false if it does not come, or libvirtd is gone. */
  boolean await(String domain, Duration limit, Predicate<String> event) {
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      while (true) {
        String line = lines.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (line == null) {
          return false;
        }
        if (line.equals(ENDED)) {
          throw new IllegalStateException("virsh event has ended");
        }
        if (line.contains("'" + domain + "'")
            && event.test(line.substring(line.lastIndexOf(':') + 1).strip())) {
          return true;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public void close() {
    virsh.destroy();
  }

  private void read() {
    try (var reader = new BufferedReader(new InputStreamReader(virsh.getInputStream(), UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        lines.add(line);
      }
    } catch (IOException e) {
      // It was closed.
    }
    lines.add(ENDED);
  }
}
