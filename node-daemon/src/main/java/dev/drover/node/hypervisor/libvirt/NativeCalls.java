package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Runs native calls on platform threads of its own. Guarantees:
 *
 * <ul>
 *   <li>the caller waits no longer than its deadline, whatever libvirt or an emulator does; a call
 *       in libvirt can't be interrupted, so an overdue one is left to its thread; only one that has
 *       passed its {@link Commitment} is waited for
 *   <li>a call runs on one thread from begin to end, so libvirt's thread-local error is its own
 *   <li>callers may be virtual threads: their carriers are not pinned
 * </ul>
 */
final class NativeCalls implements Executor, AutoCloseable {
  /** Each overdue call holds a thread; beyond this there is something badly wrong with the host. */
  private static final int MAX_THREADS = 256;

  /** How soon it is noticed that a call is not wanted any more. */
  private static final Duration ASK_AGAIN = Duration.ofMillis(200);

  private final ThreadPoolExecutor threads;

  /** Whether a call may still commit itself, has done so, or must not any more. */
  private enum Standing {
    Wanted,
    Started,
    GivenUp
  }

  NativeCalls() {
    AtomicInteger number = new AtomicInteger();
    threads =
        new ThreadPoolExecutor(
            0,
            MAX_THREADS,
            60,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task ->
                Thread.ofPlatform()
                    .daemon()
                    .name("libvirt-call-" + number.incrementAndGet())
                    .unstarted(task));
  }

  /** Something that calls libvirt. */
  interface Call<T> {
    T run() throws HypervisorException;
  }

  /**
   * The point of no return of a call: between a caller who gives up and a call that takes effect,
   * exactly one wins.
   */
  static final class Commitment {
    private final AtomicReference<Standing> standing = new AtomicReference<>(Standing.Wanted);

    private Commitment() {}

    /** To be called right before the effect. Throws kind {@code Timeout} if it must not be. */
    void commit() throws HypervisorException {
      if (!standing.compareAndSet(Standing.Wanted, Standing.Started)) {
        throw tooLate();
      }
    }

    /** Throws what {@link #commit} would throw now, to spare what leads there. */
    void requireWanted() throws HypervisorException {
      if (standing.get() == Standing.GivenUp) {
        throw tooLate();
      }
    }

    private boolean giveUp() {
      return standing.compareAndSet(Standing.Wanted, Standing.GivenUp);
    }

    private static HypervisorException tooLate() {
      return new HypervisorException(Kind.Timeout, -1, "nobody waits for this any more");
    }
  }

  /** Something that calls libvirt, and has no effect before it has committed itself, once. */
  interface CommittingCall<T> {
    T run(Commitment commitment) throws HypervisorException;
  }

  /** Runs {@code call}; throws kind {@code Timeout} when the deadline has passed. */
  <T> T run(String what, Duration deadline, Call<T> call) throws HypervisorException {
    return run(what, deadline, call, late -> {});
  }

  /**
   * Runs {@code call}; throws kind {@code Timeout} when the deadline has passed. Should the call
   * return after that, {@code late} gets its result, on the call's thread.
   */
  <T> T run(String what, Duration deadline, Call<T> call, Consumer<T> late)
      throws HypervisorException {
    return runWhile(() -> true, what, deadline, call, late);
  }

  /** The same; throws kind {@code Aborted} as soon as the call is not wanted any more. */
  <T> T runWhile(
      BooleanSupplier wanted, String what, Duration deadline, Call<T> call, Consumer<T> late)
      throws HypervisorException {
    return run(wanted, what, deadline, call, late, () -> true);
  }

  /**
   * Runs {@code call}; throws kind {@code Timeout} when the deadline has passed, or the caller is
   * interrupted, before the call has committed itself: then it never will. Once it has, its outcome
   * is waited for, so that little should be left to do by then.
   */
  <T> T runCommitting(String what, Duration deadline, CommittingCall<T> call)
      throws HypervisorException {
    Commitment commitment = new Commitment();
    return run(
        () -> true,
        what,
        deadline,
        () -> call.run(commitment),
        late -> {},
        () -> commitment.giveUp());
  }

  /**
   * @param abandon asked once the deadline has passed: whether the call may be left to itself
   */
  private <T> T run(
      BooleanSupplier wanted,
      String what,
      Duration deadline,
      Call<T> call,
      Consumer<T> late,
      BooleanSupplier abandon)
      throws HypervisorException {
    long end = System.nanoTime() + deadline.toNanos();
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      threads.execute(() -> complete(result, call, late));
    } catch (RejectedExecutionException e) {
      throw new HypervisorException(
          Kind.Unavailable, what + ": too many calls wait for libvirt, or it is closed", e);
    }
    try {
      while (true) {
        long left = end - System.nanoTime();
        try {
          return result.get(Math.min(left, ASK_AGAIN.toNanos()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
          boolean overdue = left <= ASK_AGAIN.toNanos();
          if (overdue || !wanted.getAsBoolean()) {
            return giveUp(
                result,
                abandon,
                overdue
                    ? new HypervisorException(
                        Kind.Timeout, what + ": no answer within " + deadline.toMillis() + " ms", e)
                    : new HypervisorException(Kind.Aborted, what + ": not wanted any more", e),
                what);
          }
        }
      }
    } catch (ExecutionException e) {
      throw rethrow(what, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return giveUp(
          result, abandon, new HypervisorException(Kind.Timeout, what + ": interrupted", e), what);
    }
  }

  /** Runs the task on one of the threads, without waiting. */
  @Override
  public void execute(Runnable task) {
    threads.execute(task);
  }

  /** Takes no more calls. Those that run end by themselves. */
  @Override
  public void close() {
    threads.shutdown();
  }

  private static <T> void complete(CompletableFuture<T> result, Call<T> call, Consumer<T> late) {
    try {
      T value = call.run();
      if (!result.complete(value)) {
        late.accept(value);
      }
    } catch (HypervisorException | RuntimeException | Error e) {
      // Everything goes to the caller, who waits for nothing else.
      result.completeExceptionally(e);
    }
  }

  /** Unless the result came just now after all, or has to be waited for. */
  private static <T> T giveUp(
      CompletableFuture<T> result, BooleanSupplier abandon, HypervisorException why, String what)
      throws HypervisorException {
    if (abandon.getAsBoolean() && result.completeExceptionally(why)) {
      throw why;
    }
    try {
      // Not get(): an interrupt must not end this wait.
      return result.join();
    } catch (CompletionException e) {
      throw rethrow(what, e);
    }
  }

  private static HypervisorException rethrow(String what, Exception e) {
    return switch (e.getCause()) {
      case HypervisorException told -> told;
      case RuntimeException bug -> throw bug;
      case LinkageError missing ->
          new HypervisorException(Kind.Unavailable, what + ": libvirt can't be loaded", missing);
      case Error error -> throw error;
      case null, default -> throw new IllegalStateException(what, e);
    };
  }
}
