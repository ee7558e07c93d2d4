package dev.drover.node.inventory;

import dev.drover.node.LogKeys;
import dev.drover.node.inventory.NodePlan.Step;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Carries out what the {@link NodePlan} says. */
final class NodeWriter {
  private static final Logger LOG = LoggerFactory.getLogger(NodeWriter.class);

  static final Duration LONGEST_WAIT = Duration.ofSeconds(10);
  static final Backoff AWAY = new Backoff(Duration.ofMillis(500), Duration.ofSeconds(5));
  static final Backoff REFUSED = new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(30));

  private final NodePlan plan;
  private final NodeObject node;
  private final Supplier<Optional<Boolean>> connected;
  private final Runnable madeAnew;
  private final InstantSource clock;
  private int failures;

  /**
   * {@code connected}: whether libvirt is there, empty until it was tried; asked before each
   * decision, so that no lost event leaves a false word standing. {@code madeAnew}: the object was
   * not there, or not any more.
   */
  NodeWriter(
      NodePlan plan,
      NodeObject node,
      Supplier<Optional<Boolean>> connected,
      Runnable madeAnew,
      InstantSource clock) {
    this.plan = plan;
    this.node = node;
    this.connected = connected;
    this.madeAnew = madeAnew;
    this.clock = clock;
  }

  /** Does what is due while {@code goOn}; returns how long nothing will be. */
  Duration round(BooleanSupplier goOn) {
    try {
      while (goOn.getAsBoolean()) {
        connected.get().ifPresent(plan::connected);
        switch (plan.next(clock.instant(), LONGEST_WAIT)) {
          case Step.Wait(var wait) -> {
            return wait;
          }
          case Step.Read() -> plan.read(node.read(), clock.instant());
          case Step.Apply(var status) -> {
            boolean made = node.apply(status);
            plan.applied(status, clock.instant());
            if (made) {
              madeAnew.run();
            }
          }
        }
        failures = 0;
      }
      return Duration.ZERO;
    } catch (ApiException e) {
      failures++;
      return switch (e.kind()) {
        case Away -> AWAY.after(failures);
        case Refused -> {
          LOG.atWarn()
              .addKeyValue(LogKeys.CODE, e.code())
              .addKeyValue(LogKeys.ERROR, e.getMessage())
              .log("The API server refuses what this host has to say of itself");
          yield REFUSED.after(failures);
        }
      };
    }
  }
}
