package dev.drover.operator.metrics;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.javaoperatorsdk.operator.api.monitoring.Metrics;
import io.javaoperatorsdk.operator.api.reconciler.Constants;
import io.javaoperatorsdk.operator.api.reconciler.RetryInfo;
import io.javaoperatorsdk.operator.processing.Controller;
import io.javaoperatorsdk.operator.processing.event.Event;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What the SDK does: how often, how long, how often in vain. One tag: the controller. */
public final class ReconcileMetrics implements Metrics {
  private static final String CONTROLLER = "controller";

  private final MeterRegistry registry;
  private final ConcurrentMap<String, AtomicInteger> queued = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, AtomicInteger> active = new ConcurrentHashMap<>();

  public ReconcileMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  @Override
  public void controllerRegistered(Controller<? extends HasMetadata> controller) {
    String name = controller.getConfiguration().getName();
    Gauge.builder("drover.reconciliations.queue", gauge(queued, name), AtomicInteger::get)
        .description("Reconciliations that wait for a thread.")
        .tag(CONTROLLER, name)
        .register(registry);
    Gauge.builder("drover.reconciliations.active", gauge(active, name), AtomicInteger::get)
        .description("Reconciliations that run.")
        .tag(CONTROLLER, name)
        .register(registry);
  }

  @Override
  public void receivedEvent(Event event, Map<String, Object> metadata) {
    count("drover.reconciliation.events", "Events received.", metadata);
  }

  @Override
  public void reconcileCustomResource(
      HasMetadata resource, @Nullable RetryInfo retryInfo, Map<String, Object> metadata) {
    gauge(queued, controller(metadata)).incrementAndGet();
    if (retryInfo != null && retryInfo.getAttemptCount() > 0) {
      count("drover.reconciliation.retries", "Reconciliations after a failed one.", metadata);
    }
  }

  @Override
  public void reconciliationExecutionStarted(HasMetadata resource, Map<String, Object> metadata) {
    gauge(queued, controller(metadata)).decrementAndGet();
    gauge(active, controller(metadata)).incrementAndGet();
  }

  @Override
  public void reconciliationExecutionFinished(HasMetadata resource, Map<String, Object> metadata) {
    gauge(active, controller(metadata)).decrementAndGet();
  }

  @Override
  public void failedReconciliation(
      HasMetadata resource, Exception exception, Map<String, Object> metadata) {
    count("drover.reconciliation.failures", "Reconciliations that threw.", metadata);
  }

  @Override
  public <T> T timeControllerExecution(ControllerExecution<T> execution) throws Exception {
    long start = System.nanoTime();
    try {
      return execution.execute();
    } finally {
      Timer.builder("drover.reconciliation.duration")
          .description("How long reconciliations take.")
          .tag(CONTROLLER, execution.controllerName())
          .serviceLevelObjectives(
              Duration.ofMillis(1),
              Duration.ofMillis(5),
              Duration.ofMillis(10),
              Duration.ofMillis(50),
              Duration.ofMillis(100),
              Duration.ofMillis(500),
              Duration.ofSeconds(1),
              Duration.ofSeconds(5),
              Duration.ofSeconds(30))
          .register(registry)
          .record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
    }
  }

  private void count(String name, String description, Map<String, Object> metadata) {
    Counter.builder(name)
        .description(description)
        .tag(CONTROLLER, controller(metadata))
        .register(registry)
        .increment();
  }

  private static AtomicInteger gauge(ConcurrentMap<String, AtomicInteger> of, String controller) {
    return of.computeIfAbsent(controller, _ -> new AtomicInteger());
  }

  private static String controller(Map<String, Object> metadata) {
    return String.valueOf(metadata.get(Constants.CONTROLLER_NAME));
  }
}
