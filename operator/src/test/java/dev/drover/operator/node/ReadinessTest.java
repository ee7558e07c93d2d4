package dev.drover.operator.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeSpec;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.operator.migration.Facts;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ReadinessTest {
  private static final Instant NOW = Facts.T0.plusSeconds(100);
  private final HypervisorNode node = Facts.node("hv1", 2, 2);

  @Test
  void isReady() {
    Readiness readiness = of(Optional.of(NOW.minusSeconds(5)));
    assertThat(readiness.ready()).isTrue();
    assertThat(readiness.recheckAfter()).contains(Duration.ofSeconds(10));
  }

  @Test
  void isLostWhenTheLeaseHasExpired() {
    Readiness readiness = of(Optional.of(NOW.minusSeconds(15)));
    assertThat(readiness.ready()).isFalse();
    assertThat(readiness.reason()).isEqualTo(Reason.HeartbeatLost);
    assertThat(readiness.since()).isEqualTo(NOW);
  }

  @Test
  void wasNeverThere() {
    assertThat(of(Optional.empty()).reason()).isEqualTo(Reason.HeartbeatLost);
    assertThat(of(Optional.empty()).since()).isEqualTo(Facts.T0);
  }

  @Test
  void hasNoLibvirt() {
    node.setStatus(null);
    assertThat(of(Optional.of(NOW)).reason()).isEqualTo(Reason.LibvirtUnavailable);
  }

  @Test
  void isFencedOnlyIfItsDaemonIsSilentToo() {
    node.setSpec(new HypervisorNodeSpec(null, true, null, null, null, null));
    assertThat(of(Optional.of(NOW.minusSeconds(15))).reason()).isEqualTo(Reason.HostFenced);
    assertThat(of(Optional.of(NOW.minusSeconds(15))).fenced()).isTrue();

    Readiness alive = of(Optional.of(NOW.minusSeconds(14)));
    assertThat(alive.reason()).isEqualTo(Reason.FencedHostAlive);
    assertThat(alive.ready()).isFalse();
    assertThat(alive.fenced()).isFalse();
    assertThat(alive.recheckAfter()).contains(Duration.ofSeconds(1));
    // Nothing was ever heard of its daemon, so its silence says nothing.
    assertThat(of(Optional.empty()).fenced()).isFalse();
  }

  private Readiness of(Optional<Instant> heartbeat) {
    return Readiness.of(node, heartbeat, Duration.ofSeconds(15), NOW);
  }
}
