package dev.drover.operator.event;

import dev.drover.api.v1alpha1.Drover;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.Text;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.MicroTime;
import io.fabric8.kubernetes.api.model.ObjectReferenceBuilder;
import io.fabric8.kubernetes.api.model.events.v1.Event;
import io.fabric8.kubernetes.api.model.events.v1.EventBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes events with one thread and a bounded queue; when that is full, the oldest is dropped. An
 * event's name is made from what it says, so that a second writer of the same gets "already exists"
 * and nobody sees it twice.
 */
public final class ApiEventRecorder implements EventRecorder, AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(ApiEventRecorder.class);
  private static final int QUEUE = 1000;
  private static final int REMEMBERED = 5000;
  private static final DateTimeFormatter MICRO =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'").withZone(ZoneOffset.UTC);

  private final Consumer<Event> create;
  private final InstantSource clock;
  private final String instance;
  private final ThreadPoolExecutor executor;
  private final Set<String> written =
      Collections.synchronizedSet(
          Collections.newSetFromMap(
              new LinkedHashMap<>() {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
                  return size() > REMEMBERED;
                }
              }));

  /**
   * @param create sends an event to the API server
   * @param instance which instance of the operator says it
   */
  public ApiEventRecorder(Consumer<Event> create, InstantSource clock, String instance) {
    this.create = create;
    this.clock = clock;
    this.instance = instance;
    this.executor =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(QUEUE),
            Thread.ofPlatform().name("drover-events").daemon().factory(),
            new ThreadPoolExecutor.DiscardOldestPolicy());
  }

  @Override
  public void record(
      HasMetadata regarding, Type type, Reason reason, String note, String occurrence) {
    Event event = event(regarding, type, reason, note, occurrence);
    if (written.add(event.getMetadata().getName())) {
      executor.execute(() -> write(event));
    }
  }

  Event event(HasMetadata regarding, Type type, Reason reason, String note, String occurrence) {
    var metadata = regarding.getMetadata();
    String identity = metadata.getUid() + '/' + reason + '/' + occurrence;
    String hash = UUID.nameUUIDFromBytes(identity.getBytes(StandardCharsets.UTF_8)).toString();
    String name = metadata.getName();
    return new EventBuilder()
        .withNewMetadata()
        .withName(name.substring(0, Math.min(name.length(), 200)) + '.' + hash)
        .withNamespace(metadata.getNamespace() == null ? "default" : metadata.getNamespace())
        .endMetadata()
        .withRegarding(
            new ObjectReferenceBuilder()
                .withApiVersion(regarding.getApiVersion())
                .withKind(regarding.getKind())
                .withNamespace(metadata.getNamespace())
                .withName(name)
                .withUid(metadata.getUid())
                .build())
        .withType(type.name())
        .withReason(reason.name())
        .withAction("Migrate")
        .withNote(Text.limit(note, 1000))
        .withReportingController(Drover.GROUP + "/operator")
        .withReportingInstance(Text.limit(instance, 128))
        .withEventTime(new MicroTime(MICRO.format(clock.instant())))
        .build();
  }

  private void write(Event event) {
    try {
      create.accept(event);
    } catch (KubernetesClientException e) {
      // Events are a courtesy: none is worth a retry that could delay a migration's next one.
      if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
        LOGGER
            .atWarn()
            .addKeyValue("reason", event.getReason())
            .setCause(e)
            .log("An event could not be written");
      }
    }
  }

  /** Writes what is queued, for at most two seconds. */
  @Override
  public void close() {
    executor.shutdown();
    try {
      if (!executor.awaitTermination(Duration.ofSeconds(2).toMillis(), TimeUnit.MILLISECONDS)) {
        executor.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
