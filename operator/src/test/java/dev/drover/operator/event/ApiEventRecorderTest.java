package dev.drover.operator.event;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Reason;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.events.v1.Event;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class ApiEventRecorderTest {
  private static final Instant NOW = Instant.parse("2026-11-23T12:00:00Z");

  private final List<Event> written = Collections.synchronizedList(new ArrayList<>());

  @Test
  void theSameIsWrittenOnce() {
    try (var recorder = recorder()) {
      say(recorder, Reason.Checking, "PreMigration/hv2");
      say(recorder, Reason.Checking, "PreMigration/hv2");
      say(recorder, Reason.Checking, "PreMigration/hv3");
      say(recorder, Reason.Reserving, "Reservation/hv2");
    }
    assertThat(written)
        .extracting(Event::getReason)
        .containsExactly("Checking", "Checking", "Reserving");
  }

  @Test
  void anotherProcessGivesItTheSameName() {
    try (var first = recorder();
        var second = recorder()) {
      say(first, Reason.Checking, "PreMigration/hv2");
      say(second, Reason.Checking, "PreMigration/hv2");
    }
    assertThat(written).hasSize(2);
    assertThat(written.get(0).getMetadata().getName())
        .isEqualTo(written.get(1).getMetadata().getName());
  }

  @Test
  void isAValidEvent() {
    try (var recorder = recorder()) {
      Event event =
          recorder.event(
              migration(), EventRecorder.Type.Warning, Reason.SplitBrain, "x".repeat(2000), "");
      assertThat(event.getNote()).hasSize(1000);
      assertThat(event.getMetadata().getName()).startsWith("m.").hasSizeLessThan(253);
      assertThat(event.getMetadata().getNamespace()).isEqualTo("default");
      assertThat(event.getEventTime().getTime()).isEqualTo("2026-11-23T12:00:00.000000Z");
      assertThat(event.getRegarding().getUid()).isEqualTo("uid");
      assertThat(event.getType()).isEqualTo("Warning");
    }
  }

  @Test
  void anApiServerThatRefusesHurtsNobody() {
    try (var recorder =
        new ApiEventRecorder(
            e -> {
              written.add(e);
              throw new KubernetesClientException("no", 403, null);
            },
            () -> NOW,
            "pod")) {
      say(recorder, Reason.Checking, "a");
      say(recorder, Reason.Checking, "b");
    }
    assertThat(written).hasSize(2);
  }

  private ApiEventRecorder recorder() {
    return new ApiEventRecorder(written::add, () -> NOW, "pod");
  }

  private static void say(EventRecorder recorder, Reason reason, String occurrence) {
    recorder.record(migration(), EventRecorder.Type.Normal, reason, "A note.", occurrence);
  }

  private static LiveMigration migration() {
    var migration = new LiveMigration();
    migration.setMetadata(
        new ObjectMetaBuilder().withName("m").withNamespace("default").withUid("uid").build());
    return migration;
  }
}
