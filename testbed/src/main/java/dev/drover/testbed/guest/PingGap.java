package dev.drover.testbed.guest;

import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Pings a guest from this machine, that is from outside of every host, and knows the longest time
 * without an answer. Needs root: as anybody else, Java asks for TCP's echo service instead.
 */
public final class PingGap implements AutoCloseable {
  private static final Duration PAUSE = Duration.ofMillis(20);

  /** An emulated guest on a busy machine may take so long to answer. */
  private static final Duration PATIENCE = Duration.ofMillis(100);

  /**
   * What came back.
   *
   * @param longestMilliseconds between two answers, the pause between two questions included
   */
  public record Result(int answers, long longestMilliseconds) {}

  private final InetAddress address;
  private final Thread thread;
  private final List<Long> answersAtNanos = new ArrayList<>();
  private volatile boolean stopped;

  private PingGap(InetAddress address) {
    this.address = address;
    this.thread = Thread.ofPlatform().name("ping").daemon().start(this::run);
  }

  /** Starts. */
  public static PingGap of(String address) {
    return new PingGap(InetAddress.ofLiteral(address));
  }

  private void run() {
    while (!stopped) {
      try {
        if (address.isReachable((int) PATIENCE.toMillis())) {
          synchronized (answersAtNanos) {
            answersAtNanos.add(System.nanoTime());
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      LockSupport.parkNanos(PAUSE.toNanos());
    }
  }

  /** Waits for one more answer. */
  public void awaitAnswer() {
    int before = count();
    Waiting.until(address.getHostAddress() + " answers to a ping", () -> count() > before);
  }

  private int count() {
    synchronized (answersAtNanos) {
      return answersAtNanos.size();
    }
  }

  /** Waits for one more answer, and ends. */
  public Result stop() {
    awaitAnswer();
    close();
    synchronized (answersAtNanos) {
      long longest = 0;
      for (int i = 1; i < answersAtNanos.size(); i++) {
        longest = Math.max(longest, answersAtNanos.get(i) - answersAtNanos.get(i - 1));
      }
      return new Result(answersAtNanos.size(), Duration.ofNanos(longest).toMillis());
    }
  }

  @Override
  public void close() {
    stopped = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
