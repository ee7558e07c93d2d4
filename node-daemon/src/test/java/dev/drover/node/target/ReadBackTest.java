package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.VolumeState;
import dev.drover.node.report.RecordedReports;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The target says what the copies of a cold migration hold, once all of them are there. */
class ReadBackTest {
  private static final UUID DOMAIN = UUID.fromString("5b0a1e52-0000-4000-8000-000000000001");
  private static final VolumeState VOLUME =
      new VolumeState("default", "web.qcow2", "/pools/default/web.qcow2", "qcow2", 1, 1);

  private final FakeHypervisor host = new FakeHypervisor(InstantSource.system());
  private final RecordedReports reports = new RecordedReports();
  private final TargetRole role =
      new TargetRole(
          "n2",
          host,
          () -> 2,
          TargetRoleTest.WAY,
          reports.queue("drover-target"),
          InstantSource.system());
  private final byte[] content = new byte[1 << 20];

  @BeforeEach
  void copies() {
    new Random(2).nextBytes(content);
    role.restore(List.of());
    host.putPool(new PoolState("default", true, true, 1 << 30, 1 << 30));
    host.putVolume(VOLUME, content);
  }

  @AfterEach
  void stop() {
    reports.close();
  }

  private static LiveMigration migration(@Nullable List<DiskDigest> copied) {
    return RecordedReports.migration(
        RecordedReports.spec(),
        DOMAIN,
        Phase.PreCopy,
        new SourceReport(
            "n1",
            SourceReport.State.Transferring,
            "Verifying",
            null,
            "2026-11-23T12:00:00Z",
            null,
            null,
            null,
            null,
            new Cold(false, copied, null, null),
            null),
        new TargetReport(
            "n2",
            TargetReport.State.Reserved,
            "TargetReserved",
            null,
            "2026-11-23T12:00:00Z",
            null,
            List.of(
                new DiskPlan(
                    "vda", DiskPlan.Action.Copy, "default", "web.qcow2", "raw", 1L << 20))),
        null);
  }

  private static final List<DiskDigest> COPIED = List.of(new DiskDigest("vda", 1, "00"));

  @Test
  void whatIsOnTheDisksIsReadAndTold() throws HypervisorException, NoSuchAlgorithmException {
    role.handle(migration(null));
    assertThat(reports.target()).isNull();
    role.handle(migration(COPIED));
    await().until(() -> reports.target() != null);
    assertThat(reports.target().state()).isEqualTo(TargetReport.State.Reserved);
    assertThat(reports.target().copies()).hasSize(1);
    assertThat(reports.target().digests())
        .containsExactly(
            new DiskDigest(
                "vda",
                content.length,
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content))));
    assertThat(host.calls()).contains("flushStorage");
    int reads = host.lookUps("readVolume");
    role.handle(migration(COPIED));
    await()
        .during(Duration.ofMillis(200))
        .untilAsserted(() -> assertThat(host.lookUps("readVolume")).isEqualTo(reads));
  }

  @Test
  void aFailureToReadIsNotTheEnd() throws HypervisorException {
    host.fail("readVolume", new HypervisorException(Kind.Unavailable, 38, "libvirt is away"));
    role.handle(migration(COPIED));
    await().atMost(Duration.ofSeconds(60)).until(() -> reports.target() != null);
    assertThat(reports.target().digests()).hasSize(1);
  }
}
