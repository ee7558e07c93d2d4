package dev.drover.node.hypervisor.libvirt;

import java.util.concurrent.locks.LockSupport;
import org.libvirt.Library;
import org.libvirt.LibvirtException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * libvirt's event loop: keepalive, close notices and events of all connections of this process.
 * There can be only one, it must be there before the first connection, and connections need it
 * until the last is closed; so it starts once and runs on a daemon thread as long as the process.
 */
final class EventLoop {
  private static final Logger LOGGER = LoggerFactory.getLogger(EventLoop.class);
  private static final long PAUSE_AFTER_FAILURE_NANOS = 100_000_000;

  private EventLoop() {}

  /** Starts the loop, if it does not run yet. */
  static void ensureStarted() {
    Started.THREAD.isAlive();
  }

  /** Holder: its initializer runs once, whoever comes first. */
  private static final class Started {
    private static final Thread THREAD = start();

    private static Thread start() {
      // Initializes the library and silences its error printing before anything can fail.
      LibvirtNative.instance();
      try {
        Library.initEventLoop();
      } catch (LibvirtException e) {
        throw new IllegalStateException("libvirt has no event loop", e);
      }
      return Thread.ofPlatform().daemon().name("libvirt-events").start(EventLoop::run);
    }
  }

  private static void run() {
    while (true) {
      try {
        Library.processEvent();
      } catch (LibvirtException e) {
        // Without this loop every connection would be dropped for missing keepalives.
        LOGGER.atWarn().setCause(e).log("libvirt's event loop failed, going on");
        LockSupport.parkNanos(PAUSE_AFTER_FAILURE_NANOS);
      }
    }
  }
}
