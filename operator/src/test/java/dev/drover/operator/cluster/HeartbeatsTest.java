package dev.drover.operator.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeartbeatsTest {
  private Instant now = Instant.parse("2026-11-23T12:00:00Z");
  private final List<String> changes = new ArrayList<>();
  private final Heartbeats heartbeats = new Heartbeats(() -> now, Duration.ofSeconds(15));

  HeartbeatsTest() {
    heartbeats.onChange(changes::add);
  }

  @Test
  void anOldLeaseIsNoSignOfLife() {
    heartbeats.onAdd(lease("drover-node-hv1", now.minusSeconds(100)));
    assertThat(heartbeats.lastSeen("hv1")).contains(now.minusSeconds(100));
  }

  @Test
  void aDaemonIsSilentUntilItIsHeardOfAndOnceItsLeaseHasExpired() {
    assertThat(heartbeats.isSilent("hv1")).isTrue();
    heartbeats.onAdd(lease("drover-node-hv1", now));
    assertThat(heartbeats.isSilent("hv1")).isFalse();
    now = now.plusSeconds(15);
    assertThat(heartbeats.isSilent("hv1")).isTrue();
  }

  @Test
  void aWrongClockDoesNotKill() {
    Instant theirs = now.minusSeconds(3600);
    heartbeats.onAdd(lease("drover-node-hv1", theirs));
    now = now.plusSeconds(5);
    heartbeats.onUpdate(
        lease("drover-node-hv1", theirs), lease("drover-node-hv1", theirs.plusSeconds(5)));
    assertThat(heartbeats.lastSeen("hv1")).contains(now);
  }

  @Test
  void aWrongClockDoesNotImmortalise() {
    Instant theirs = now.plusSeconds(3600);
    heartbeats.onAdd(lease("drover-node-hv1", theirs));
    Instant first = now;
    now = now.plusSeconds(60);
    heartbeats.onUpdate(lease("drover-node-hv1", theirs), lease("drover-node-hv1", theirs));
    assertThat(heartbeats.lastSeen("hv1")).contains(first);
  }

  @Test
  void onlyComingAndGoingIsNews() {
    heartbeats.onAdd(lease("drover-node-hv1", now));
    now = now.plusSeconds(5);
    heartbeats.onUpdate(lease("drover-node-hv1", now), lease("drover-node-hv1", now));
    assertThat(changes).containsExactly("hv1");
    now = now.plusSeconds(20);
    heartbeats.onUpdate(lease("drover-node-hv1", now), lease("drover-node-hv1", now));
    heartbeats.onDelete(lease("drover-node-hv1", now), false);
    assertThat(changes).containsExactly("hv1", "hv1", "hv1");
    assertThat(heartbeats.lastSeen("hv1")).isEmpty();
  }

  @Test
  void otherLeasesAreNotHeartbeats() {
    heartbeats.onAdd(lease("drover-operator", now));
    assertThat(changes).isEmpty();
  }

  private static Lease lease(String name, Instant renewed) {
    return new LeaseBuilder()
        .withNewMetadata()
        .withName(name)
        .endMetadata()
        .withNewSpec()
        .withRenewTime(renewed.atZone(ZoneOffset.UTC))
        .endSpec()
        .build();
  }
}
