package dev.drover.node.inventory;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A thread that does one thing again and again: when it is woken, and when the time has come that
 * the thing itself has asked for. Any number of wake-ups during a round make one more round. What
 * the body throws goes to the thread's uncaught-exception handler, and ends it.
 */
public final class Loop implements AutoCloseable {

  /** One round. */
  @FunctionalInterface
  public interface Body {

    /** Does what there is to do; returns how long to wait if nobody wakes it. */
    Duration run(Loop loop) throws InterruptedException;
  }

  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private boolean woken;
  private volatile boolean stopping;
  private volatile long tick = System.nanoTime();

  private Loop(String name, Body body) {
    thread = Thread.ofPlatform().name(name).unstarted(() -> rounds(body));
  }

  public static Loop of(String name, Body body) {
    return new Loop(name, body);
  }

  public void start() {
    tick();
    thread.start();
  }

  /** Starts a round now, or one more after the one that is under way. Never blocks for long. */
  void wake() {
    lock.lock();
    try {
      woken = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Asked between the parts of a long round: says that it is alive, and whether it may go on. */
  boolean goesOn() {
    tick();
    return !stopping;
  }

  private void tick() {
    tick = System.nanoTime();
  }

  /** Since when nothing was heard of the thread. */
  Duration silence() {
    return Duration.ofNanos(System.nanoTime() - tick);
  }

  String name() {
    return thread.getName();
  }

  private void rounds(Body body) {
    try {
      while (!stopping) {
        tick();
        await(body.run(this));
      }
    } catch (InterruptedException e) {
      // Only close() interrupts.
      Thread.currentThread().interrupt();
    }
  }

  private void await(Duration wait) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long nanos = wait.toNanos();
      while (!woken && !stopping && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      woken = false;
    } finally {
      lock.unlock();
    }
  }

  /** Asks the thread to end, and gives it two seconds to finish what it does. */
  @Override
  public void close() {
    stopping = true;
    wake();
    try {
      if (thread.isAlive() && !thread.join(Duration.ofSeconds(2))) {
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
