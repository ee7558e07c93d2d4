package dev.drover.testbed.process;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;

/**
 * Waits on conditions. A deadline here is when to give up, never how long something takes: it is
 * generous.
 */
public final class Waiting {

  public static final Duration GENEROUS = Duration.ofSeconds(60);

  private Waiting() {}

  /** Returns once the condition holds; what it throws in the meantime counts as "not yet". */
  public static void until(String what, BooleanSupplier condition) {
    until(what, GENEROUS, condition);
  }

  public static void until(String what, Duration deadline, BooleanSupplier condition) {
    Callable<Boolean> callable = condition::getAsBoolean;
    waiting(what, deadline).until(callable);
  }

  /** Returns the value once there is one. */
  public static <T> T untilPresent(String what, Duration deadline, Supplier<Optional<T>> value) {
    Callable<Optional<T>> callable = value::get;
    return waiting(what, deadline).until(callable, Optional::isPresent).orElseThrow();
  }

  private static ConditionFactory waiting(String what, Duration deadline) {
    return Awaitility.await(what)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(20))
        .pollInSameThread()
        .ignoreExceptions()
        .atMost(deadline);
  }
}
