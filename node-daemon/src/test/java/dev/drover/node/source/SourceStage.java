package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.GuestDescription.Disk;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.hypervisor.Surroundings;
import dev.drover.node.hypervisor.VolumeState;
import dev.drover.node.report.RecordedReports;
import dev.drover.node.watchdog.WatchdogPolicy;
import dev.drover.node.way.Doors;
import dev.drover.node.way.Way;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * A source host with one guest, a target host, and an API server that takes every report: what
 * tests of {@link SourceRole} start from.
 */
abstract class SourceStage {
  static final UUID DOMAIN = UUID.fromString("5b0a1e52-0000-4000-8000-000000000001");
  static final long MIB = 1 << 20;
  static final Way WAY =
      new Way(new Doors(InetAddress.getLoopbackAddress(), PortRange.LIBVIRTS), Optional.empty());

  final SimpleMeterRegistry metrics = new SimpleMeterRegistry();

  /** Three times as fast as the machine's: what is waited for by the clock comes sooner. */
  final InstantSource clock = hastening(3);

  final FakeHypervisor source = new FakeHypervisor(clock);
  final FakeHypervisor target = new FakeHypervisor(clock);
  final RecordedReports reports = new RecordedReports();
  Map<String, String> bridges = Map.of();
  volatile boolean targetIsFenced;
  final PeerAddress address = new PeerAddress(address(), Transport.tcp);
  final SourceRole role =
      new SourceRole(
          "n1",
          source,
          directory(),
          WAY,
          reports.queue("drover-source"),
          clock,
          metrics,
          new ImageDigests(source),
          policy());

  /** What an admin allows on the source's host. */
  WatchdogPolicy policy() {
    return WatchdogPolicy.DEFAULT;
  }

  /** Every node is the target host, with {@link #bridges}. */
  private PeerDirectory directory() {
    return new PeerDirectory() {
      @Override
      public Optional<PeerAddress> addressOf(String nodeName) {
        return Optional.of(address);
      }

      @Override
      public boolean isFenced(String nodeName) {
        return targetIsFenced && nodeName.equals("n2");
      }

      @Override
      public Map<String, String> bridgesOf(String nodeName) {
        return bridges;
      }
    };
  }

  private static InstantSource hastening(int factor) {
    var start = Instant.now();
    long startNanos = System.nanoTime();
    return () -> start.plusNanos((System.nanoTime() - startNanos) * factor);
  }

  static InetAddress address() {
    try {
      return InetAddress.getByName("10.98.0.2");
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  @BeforeEach
  void hosts() {
    source.subscribe(role);
    source.putPeer(address.address(), target);
    source.putPool(new PoolState("default", true, true, 1000 * MIB, 500 * MIB));
    source.put(FakeHypervisor.running(DOMAIN, "web"));
    describe(List.of());
    source.putVolume(
        new VolumeState("default", "web.qcow2", "/pools/default/web.qcow2", "qcow2", MIB, MIB));
  }

  @AfterEach
  void stop() {
    reports.close();
  }

  void describe(List<Blocker> blockers) {
    describe(Surroundings.NONE, blockers);
  }

  void describe(Surroundings surroundings, List<Blocker> blockers) {
    source.putDescription(
        DOMAIN,
        new GuestDescription(
            FakeHypervisor.running(DOMAIN, "web"),
            "x86_64",
            "pc-q35-10.0",
            "kvm",
            null,
            List.of(),
            List.of(
                new Disk(
                    "vda",
                    Disk.Kind.File,
                    "default",
                    "web.qcow2",
                    "/pools/default/web.qcow2",
                    "qcow2",
                    MIB,
                    MIB,
                    false,
                    false,
                    false)),
            surroundings,
            blockers));
  }

  static final TargetReport RESERVED =
      new TargetReport(
          "n2",
          TargetReport.State.Reserved,
          Reason.TargetReserved.name(),
          null,
          "2026-11-23T12:00:00Z",
          null,
          List.of(new DiskPlan("vda", DiskPlan.Action.Copy, "default", "web.qcow2", "qcow2", MIB)));

  static final TargetReport CHECKED =
      new TargetReport(
          "n2",
          TargetReport.State.Checked,
          Reason.TargetChecked.name(),
          null,
          "2026-11-23T12:00:00Z",
          null,
          List.of(new DiskPlan("vda", DiskPlan.Action.Copy, "default", "web.qcow2", "qcow2", MIB)));

  LiveMigration migration(Phase phase, @Nullable SourceReport own, @Nullable Failure failure) {
    return RecordedReports.migration(RecordedReports.spec(), DOMAIN, phase, own, RESERVED, failure);
  }

  SourceReport inspected() throws HypervisorException {
    role.handle(migration(Phase.PreMigration, null, null));
    awaitSaid(State.Inspected);
    return Objects.requireNonNull(reports.source());
  }

  void awaitSaid(State state) {
    await().untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(state));
  }

  static JobStatistics job() {
    return new JobStatistics(
        JobStatistics.Operation.MigrationOut,
        JobStatistics.State.Active,
        1000,
        OptionalLong.empty(),
        1024 * MIB,
        100 * MIB,
        924 * MIB,
        50 * MIB,
        MIB,
        1,
        MIB,
        MIB,
        0,
        0,
        OptionalLong.empty());
  }

  static JobStatistics copyingDisks() {
    return new JobStatistics(
        JobStatistics.Operation.MigrationOut,
        JobStatistics.State.Active,
        1000,
        OptionalLong.empty(),
        0,
        0,
        0,
        0,
        0,
        0,
        64 * MIB,
        MIB,
        63 * MIB,
        MIB,
        OptionalLong.empty());
  }

  FakeHypervisor.FakeTransfer begin() throws HypervisorException {
    return begin(RecordedReports.spec());
  }

  FakeHypervisor.FakeTransfer begin(LiveMigrationSpec spec) throws HypervisorException {
    inspected();
    source.putJob(DOMAIN, Optional.of(job()));
    role.handle(RecordedReports.migration(spec, DOMAIN, Phase.PreCopy, null, RESERVED, null));
    awaitSaid(State.Transferring);
    await().until(() -> source.calls().stream().anyMatch(c -> c.startsWith("startTransfer")));
    return source.transfer(DOMAIN);
  }

  /** The target has all of the guest, and holds it. */
  void landPaused() {
    target.put(FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), Run.Paused, "user"));
  }

  /** The same host's daemon in its next life, with reports of its own. */
  final class NextLife implements AutoCloseable {
    final RecordedReports reports = new RecordedReports();
    final SourceRole role =
        new SourceRole(
            "n1",
            source,
            node -> Optional.of(address),
            WAY,
            reports.queue("drover-source"),
            clock,
            metrics);

    NextLife() {
      source.subscribe(role);
    }

    /** Finds a migration that its earlier life left like that. */
    Optional<Duration> finds(Phase phase, State state, SourceReport.Guest guest)
        throws HypervisorException {
      var own = new SourceReport("n1", state, "x", null, "2026-11-23T12:00:00Z", null, guest, null);
      return role.handle(migration(phase, own, null));
    }

    void awaitSaid(State state) {
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(reports.sourceStates()).endsWith(state));
    }

    @Override
    public void close() {
      reports.close();
    }
  }
}
