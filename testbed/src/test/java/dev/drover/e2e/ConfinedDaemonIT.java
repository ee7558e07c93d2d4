package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.host.NodeDaemon;
import dev.drover.testbed.junit.DroverTestbed;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Daemons with {@code nodeDaemon.privileged: false}: with the capabilities that the chart then
 * gives them, and read-only roots, they do what the others do.
 */
@DroverTestbed
class ConfinedDaemonIT {
  private static final Duration WANTED = Duration.ofSeconds(5);

  @AfterEach
  void asBefore(Testbed testbed) {
    for (var host : List.of("n1", "n2")) {
      var daemon = testbed.host(host).daemon();
      daemon.kill();
      daemon.unconfined().without("DROVER_BREAK_CONNECTIONS").start();
      daemon.awaitReady();
    }
  }

  @Test
  void theirEndLeavesATransferAlone(Testbed testbed) throws IOException {
    confine(testbed, Map.of());
    var spec = GuestSpec.named("confined").withDisk(DiskSpec.local(64)).dirtying(64, 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 12\n");
      migration.awaitMemoryCopy();
      // As a kubelet ends a pod.
      scene.source().daemon().stop();
      scene.target().daemon().stop();
      assertThat(scene.source().virsh("domjobinfo", scene.guest().name()).out())
          .containsPattern("Job type:\\s+Unbounded");
      scene.source().daemon().start();
      scene.target().daemon().start();
      var status = migration.awaitSucceeded();
      assertThat(status.phases().stream().filter(p -> p.phase().equals(Phase.PreCopy.name())))
          .hasSize(1);
      scene.assertMoved(boot);
    }
  }

  @Test
  void theyBreakDeadConnections(Testbed testbed) throws IOException {
    confine(testbed, Map.of());
    var spec = GuestSpec.named("confined-cut").withDisk(DiskSpec.shared(64)).dirtying(64, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      HandOverIT.withASlowLine(
          () -> {
            var migration = HandOverIT.intoTheSwitchover(scene);
            var since = scene.guest().observer().now();
            scene.target().cut();
            migration.await("has failed", s -> s.failure() != null);
            scene.guest().awaitRunningOn(scene.source());
            assertThat(scene.guest().longestSilence(since)).isLessThan(WANTED);
            scene.target().heal();
            migration.awaitFailed(Reason.ConnectionToTargetFailed);
          });
      scene.assertStayed(boot);
    }
  }

  @Test
  void withoutAnyCapabilityAGuestMoves(Testbed testbed) throws IOException {
    confine(testbed, Map.of("nodeDaemon.breakConnections", "Never"));
    var spec = GuestSpec.named("powerless").withDisk(DiskSpec.local(64)).dirtying(16, 1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  /** QEMU has a user of its own on most hosts, though not in the testbed. */
  @Test
  void theySeeTheSocketsOfAnotherUsersProcessByTheirCapabilitiesOnly(Testbed testbed) {
    var host = testbed.host("n1");
    var all = capabilities(Map.of());
    assertThat(readsDescriptors(host, all)).isTrue();
    for (var missing : List.of("SYS_PTRACE", "DAC_READ_SEARCH")) {
      var fewer = all.stream().filter(c -> !c.equals(missing)).toList();
      assertThat(fewer).hasSize(all.size() - 1);
      assertThat(readsDescriptors(host, fewer)).as("without %s", missing).isFalse();
    }
  }

  private static boolean readsDescriptors(HypervisorHost host, List<String> capabilities) {
    return host.exec(
                "sh",
                "-c",
                """
                setpriv --reuid=65534 --clear-groups sleep 60 &
                sleep 0.5
                setpriv --no-new-privs --inh-caps=-all --bounding-set="$0" readlink /proc/$!/fd/0
                found=$?
                kill $!
                exit $found
                """,
                NodeDaemon.boundingSet(capabilities))
            .exitCode()
        == 0;
  }

  private static void confine(Testbed testbed, Map<String, Object> values) throws IOException {
    var capabilities = capabilities(values);
    for (var host : List.of("n1", "n2")) {
      var daemon = testbed.host(host).daemon();
      daemon.kill();
      daemon.confined(capabilities);
      if (values.containsKey("nodeDaemon.breakConnections")) {
        daemon.with("DROVER_BREAK_CONNECTIONS", "Never");
      }
      daemon.start();
      daemon.awaitReady();
      assertThat(Files.readAllLines(Path.of("/proc/" + daemon.pid().orElseThrow() + "/status")))
          .contains("NoNewPrivs:\t1")
          .filteredOn(line -> line.startsWith("CapEff:"))
          .singleElement()
          .satisfies(
              line ->
                  assertThat(Long.bitCount(Long.parseUnsignedLong(line.substring(8), 16)))
                      .isEqualTo(capabilities.size()));
    }
  }

  /** What the chart adds to none. */
  private static List<String> capabilities(Map<String, Object> values) {
    var all = new HashMap<>(values);
    all.put("nodeDaemon.privileged", false);
    return ChartInstallation.render(all).stream()
        .filter(object -> object.getKind().equals("DaemonSet"))
        .map(ConfinedDaemonIT::daemonSet)
        .map(set -> set.getSpec().getTemplate().getSpec().getContainers().getFirst())
        .map(container -> container.getSecurityContext().getCapabilities().getAdd())
        .findFirst()
        .orElseThrow();
  }

  private static DaemonSet daemonSet(GenericKubernetesResource object) {
    return Serialization.unmarshal(Serialization.asYaml(object), DaemonSet.class);
  }
}
