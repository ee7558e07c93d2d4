package dev.drover.node;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the process ends. On SIGTERM what was started is closed in reverse, and the process exits
 * with 0; what is not closed in time is left to the kernel. An exception that nobody has caught, in
 * any thread, ends the process at once.
 */
final class Shutdown {
  private static final Logger LOG = LoggerFactory.getLogger(Shutdown.class);

  private static final int FAILED = 1;

  private record Part(String name, AutoCloseable closeable) {}

  private final Duration within;
  private final Deque<Part> parts = new ArrayDeque<>();
  private volatile boolean stopping;

  Shutdown(Duration within) {
    this.within = within;
  }

  /** From here on this process ends as the class comment says. */
  void takeOver() {
    Thread.setDefaultUncaughtExceptionHandler(this::uncaught);
    Runtime.getRuntime().addShutdownHook(new Thread(this::terminated, "shutdown"));
  }

  /** {@code part}, which is closed before everything that was given here earlier. */
  synchronized <T extends AutoCloseable> T closing(String name, T part) {
    parts.push(new Part(name, part));
    return part;
  }

  private void uncaught(Thread thread, Throwable thrown) {
    LOG.atError()
        .addKeyValue(LogKeys.THREAD, thread.getName())
        .setCause(thrown)
        .log("A thread has died");
    if (!stopping) {
      Runtime.getRuntime().halt(FAILED); // nothing is known of what still works
    }
  }

  private void terminated() {
    stopping = true;
    LOG.atInfo().log("The node daemon stops; what libvirt is doing goes on");
    var closing = Thread.ofPlatform().daemon().name("closing").start(this::closeAll);
    boolean closed = false;
    try {
      closed = closing.join(within);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    LOG.atInfo()
        .addKeyValue(LogKeys.REASON, closed ? "everything is closed" : "the time is up")
        .log("The node daemon ends");
    // A signal would make it 143, which looks like a failure in a pod's status.
    Runtime.getRuntime().halt(0);
  }

  private synchronized void closeAll() {
    while (!parts.isEmpty()) {
      close(parts.pop());
    }
  }

  private static void close(Part part) {
    try {
      part.closeable().close();
    } catch (Exception e) { // AutoCloseable's own; the next part is to be closed all the same
      LOG.atWarn().addKeyValue(LogKeys.ACTION, part.name()).setCause(e).log("Not closed in order");
    }
  }
}
