package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.NativeLong;
import dev.drover.node.hypervisor.EmulatorProcess;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A process held by its pidfd. It is readable once the last thread of the process has ended, a
 * zombie included: from then on nothing of it can run.
 */
final class PidfdProcess implements EmulatorProcess {
  /** {@code struct pollfd}: int fd, short events, short revents. */
  private static final int POLLFD_SIZE = 8;

  private static final int EVENTS = 4;
  private static final int REVENTS = 6;

  /** Bounds how long {@link #close} and an interrupt wait; the exit itself wakes at once. */
  private static final long SLICE_MILLISECONDS = 200;

  private final long pid;
  private final int descriptor;

  /** Read: the descriptor is in use. Write: it is being closed. */
  private final ReadWriteLock use = new ReentrantReadWriteLock();

  private boolean closed;

  private PidfdProcess(long pid, int descriptor) {
    this.pid = pid;
    this.descriptor = descriptor;
  }

  /** pidfd_open(2); empty if there is no such process. */
  static Optional<PidfdProcess> open(long pid) {
    try {
      NativeLong descriptor =
          Libc.instance()
              .syscall(new NativeLong(Libc.SYS_PIDFD_OPEN), new NativeLong(pid), new NativeLong(0));
      return Optional.of(new PidfdProcess(pid, descriptor.intValue()));
    } catch (LastErrorException e) {
      if (e.getErrorCode() == Libc.ESRCH) {
        return Optional.empty();
      }
      throw new IllegalStateException("pidfd_open of " + pid + ": " + e.getMessage(), e);
    }
  }

  /** pidfd_send_signal(2) of SIGKILL; does nothing if it is gone. */
  void kill() {
    use.readLock().lock();
    try {
      if (!closed) {
        Libc.instance()
            .syscall(
                new NativeLong(Libc.SYS_PIDFD_SEND_SIGNAL),
                new NativeLong(descriptor),
                new NativeLong(Libc.SIGKILL),
                null,
                new NativeLong(0));
      }
    } catch (LastErrorException e) {
      if (e.getErrorCode() != Libc.ESRCH) {
        throw new IllegalStateException("kill of process " + pid + ": " + e.getMessage(), e);
      }
    } finally {
      use.readLock().unlock();
    }
  }

  @Override
  public long pid() {
    return pid;
  }

  /**
   * As promised; an interrupt ends the wait early, with false and the thread's flag set. Throws
   * {@link IllegalStateException} if the handle is closed.
   */
  @Override
  public boolean awaitExit(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    while (true) {
      long left = Math.max(0, (end - System.nanoTime() + 999_999) / 1_000_000);
      if (isReadable((int) Math.min(left, SLICE_MILLISECONDS))) {
        return true;
      }
      if (left == 0 || Thread.currentThread().isInterrupted()) {
        return false;
      }
    }
  }

  @Override
  public void close() {
    use.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        Libc.instance().close(descriptor);
      }
    } finally {
      use.writeLock().unlock();
    }
  }

  private boolean isReadable(int timeoutMilliseconds) {
    use.readLock().lock();
    try (Memory poll = new Memory(POLLFD_SIZE)) {
      if (closed) {
        throw new IllegalStateException("the handle of process " + pid + " is closed");
      }
      poll.setInt(0, descriptor);
      poll.setShort(EVENTS, Libc.POLLIN);
      poll.setShort(REVENTS, (short) 0);
      int ready = Libc.instance().poll(poll, new NativeLong(1), timeoutMilliseconds);
      return ready == 1 && (poll.getShort(REVENTS) & Libc.POLLIN) != 0;
    } catch (LastErrorException e) {
      if (e.getErrorCode() == Libc.EINTR) {
        return false;
      }
      throw new IllegalStateException("poll of a pidfd: " + e.getMessage(), e);
    } finally {
      use.readLock().unlock();
    }
  }
}
