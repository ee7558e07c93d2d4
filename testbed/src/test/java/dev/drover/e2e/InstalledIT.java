package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.cluster.CertManager;
import dev.drover.testbed.cluster.OperatorProcess;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.ProcessMemory;
import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Drover as its users have it: installed by Helm, its images' pods on the nodes of a cluster. */
@DroverTestbed(nodes = true)
@Order(DroverTestbed.LAST)
class InstalledIT {

  private static final String OPERATOR_MAIN = "dev.drover.operator.OperatorMain";
  private static final String DAEMON_MAIN = "dev.drover.node.DaemonMain";
  private static final long OPERATOR_LIMIT_MIB = 200;
  private static final long DAEMON_LIMIT_MIB = 150;

  @Test
  void operatorsAndDaemonsArePodsOfTheImages(Testbed testbed) {
    var operators = pods(testbed, "drover-operator");
    var daemons = pods(testbed, "drover-node-daemon");

    assertOneOperatorOnEachNode(testbed);
    assertThat(daemons).extracting(Pod::node).containsExactlyInAnyOrder("n1", "n2");
    assertThat(operators)
        .allMatch(pod -> pod.image().startsWith("ghcr.io/drover/operator:"))
        .allMatch(pod -> pod.restarts() == 0);
    assertThat(daemons)
        .allMatch(pod -> pod.image().startsWith("ghcr.io/drover/node-daemon:"))
        .allMatch(pod -> pod.restarts() == 0);
  }

  /** From the chart's CA to what other hosts see: nobody has put a file anywhere. */
  @Test
  void hostsSpeakTlsWithCertificatesOfTheChartsCa(Testbed testbed) {
    for (var host : testbed.hosts()) {
      var status = NodeStatus.of(testbed, host);
      assertThat(status.peerTransport()).isEqualTo("tls");
      assertThat(status.condition(ConditionType.CertificatesReady).orElseThrow().isTrue()).isTrue();
      // Whoever has no certificate, as this machine, is not let in.
      assertThat(host.exec("ss", "-Hltn", "sport", "=", ":16509").out()).isEmpty();
      assertThat(host.exec("ss", "-Hltn", "sport", "=", ":16514").out()).isNotBlank();
    }
  }

  /** And Drover's own CA takes cert-manager's place again: whoever is not trusted is replaced. */
  @Test
  void certManagerTakesThePlaceOfTheChartsCa(Testbed testbed) {
    var own = issuers(testbed);
    try (var certManager = testbed.startCertManager();
        var scene = Scene.onSource(testbed, GuestSpec.named("certified"))) {
      var boot = scene.guest().bootId();
      testbed
          .release()
          .upgrade(
              with(
                  "certificates.signerName",
                  CertManager.SIGNER,
                  "certificates.caConfigMap",
                  CertManager.CONFIG_MAP));
      testbed.release().awaitRollout();
      Waiting.until(
          "both hosts have certificates from cert-manager",
          () ->
              issuers(testbed).stream().allMatch(issuer -> issuer.contains(CertManager.AUTHORITY)));

      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.assertMoved(boot);
    } finally {
      testbed.release().upgrade(Map.of());
      testbed.release().awaitRollout();
    }
    Waiting.until("both hosts have the chart's again", () -> issuers(testbed).equals(own));
  }

  /** Of the certificates that the hosts' libvirtd present, to whoever comes. */
  private static List<String> issuers(Testbed testbed) {
    return testbed.hosts().stream()
        .map(
            host ->
                host.exec(
                        "sh",
                        "-c",
                        "openssl s_client -connect \"$0\":16514 </dev/null 2>/dev/null | openssl x509 -noout -issuer",
                        host.ip())
                    .out()
                    .replace(" ", ""))
        .toList();
  }

  @Test
  void aGuestMovesThereAndBack(Testbed testbed) {
    var spec =
        GuestSpec.named("installed").withDisk(DiskSpec.local(128)).dirtying(32, 4).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.assertMoved(boot);

      var back = scene.reversed();
      back.migrate("target: {nodeName: n1}\n").awaitSucceeded();
      back.assertMoved(boot);
    }
  }

  /**
   * All of it restarts, twice, and nothing of the transfers is lost or started twice. The upgrade
   * takes the daemons' privileges away, so the way back begins without them.
   */
  @Test
  void anUpgradeAndARollbackWhileAGuestMovesDoNotDisturbItAndPrivilegesAreNotNeeded(
      Testbed testbed) {
    var spec = GuestSpec.named("upgraded").withDisk(DiskSpec.local(96)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 64);
      var before = uids(testbed);
      var authority = authority(testbed);
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 1\n");
      migration.awaitDiskCopy();
      try {
        testbed.release().upgrade(with("nodeDaemon.privileged", false, "operator.httpPort", 9801));
        testbed.release().awaitRollout();
        assertThat(uids(testbed)).hasSameSizeAs(before).doesNotContainAnyElementsOf(before);
        assertOneOperatorOnEachNode(testbed);
        assertThat(authority(testbed)).as("another CA would cut hosts off").isEqualTo(authority);
        assertThat(migration.phase().isTerminal()).as("it ended before the upgrade did").isFalse();
        assertThat(migration.patchSpec("{\"bandwidthMiBps\": null}").succeeded()).isTrue();

        var status = migration.awaitSucceeded();

        assertThat(status.phases()).extracting(p -> p.phase()).doesNotHaveDuplicates();
        scene.assertMoved(boot);
        certificatesComeBack(testbed.host("n2"));
        assertThat(privileged(testbed)).containsOnly(false);

        var back = scene.reversed();
        var way = back.migrate("target: {nodeName: n1}\nbandwidthMiBps: 1\n");
        way.awaitDiskCopy();
        testbed.release().rollBack();
        testbed.release().awaitRollout();
        assertThat(privileged(testbed)).containsOnly(true);
        assertOneOperatorOnEachNode(testbed);
        assertThat(way.phase().isTerminal()).as("it ended before the rollback did").isFalse();
        assertThat(way.patchSpec("{\"bandwidthMiBps\": null}").succeeded()).isTrue();
        way.awaitSucceeded();
        back.assertMoved(boot);
        assertThat(authority(testbed)).isEqualTo(authority);
      } finally {
        testbed.release().upgrade(Map.of());
        testbed.release().awaitRollout();
      }
    }
  }

  /**
   * The transfer is libvirt's: it goes on without Drover, which finds it when it is there again.
   */
  @Test
  void anUninstallationWhileAGuestMovesLosesNothing(Testbed testbed) {
    var spec = GuestSpec.named("uninstalled").withDisk(DiskSpec.local(96)).writing(1);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 64);
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 1\n");
      migration.awaitDiskCopy();
      var authority = authority(testbed);

      testbed.release().uninstall();
      try {
        assertThat(uids(testbed)).isEmpty();
        assertThat(scene.guest().qemuOn()).contains(testbed.host("n1"));
        // The CRDs stay, and the objects with them.
        assertThat(migration.object()).isPresent();
      } finally {
        testbed.release().install(Map.of());
        testbed.release().awaitRollout();
      }
      assertThat(migration.patchSpec("{\"bandwidthMiBps\": null}").succeeded()).isTrue();

      migration.awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(authority(testbed)).as("hosts still have its certificates").isEqualTo(authority);
    }
  }

  /** The JVM says nothing of an archive that it can't use; the start only takes twice as long. */
  @Test
  void theyUseTheArchiveOfTheirClasses(Testbed testbed) {
    for (String main : List.of(OPERATOR_MAIN, DAEMON_MAIN)) {
      assertThat(pids(testbed, main))
          .hasSize(2)
          .allMatch(pid -> read(pid, "maps").contains("/opt/drover/classes.jsa"));
    }
  }

  @Test
  void theChartsOwnTestSucceeds(Testbed testbed) {
    testbed.release().test();
  }

  /** Idle, as pods: what a node has to spare for them. */
  @Test
  void theyTakeLittleMemory(Testbed testbed) {
    var operators = residentMib(testbed, OPERATOR_MAIN);
    var daemons = residentMib(testbed, DAEMON_MAIN);
    System.out.printf(
        "resident: operators %s MiB, daemons %s MiB; start-up: %s%n",
        operators, daemons, startups(testbed));

    assertThat(operators).hasSize(2).allMatch(mib -> mib < OPERATOR_LIMIT_MIB);
    assertThat(daemons).hasSize(2).allMatch(mib -> mib < DAEMON_LIMIT_MIB);
  }

  /** Whichever of the old ones were still there when the new ones were scheduled. */
  private static void assertOneOperatorOnEachNode(Testbed testbed) {
    assertThat(pods(testbed, "drover-operator"))
        .extracting(Pod::node)
        .containsExactlyInAnyOrder("n1", "n2");
  }

  /** Whether the daemons' pods are. */
  private static List<Boolean> privileged(Testbed testbed) {
    return testbed.release().pods().stream()
        .filter(pod -> pod.getMetadata().getName().startsWith("drover-node-daemon-"))
        .map(pod -> pod.getSpec().getContainers().getFirst().getSecurityContext().getPrivileged())
        .map(Boolean.TRUE::equals)
        .toList();
  }

  /** A daemon without privileges can install them, too. */
  private static void certificatesComeBack(HypervisorHost host) {
    host.exec("rm", "/etc/pki/qemu/drover/current").orThrow();
    Waiting.until(
        host.name() + " has certificates again",
        () -> host.exec("test", "-r", "/etc/pki/libvirt/private/serverkey.pem").succeeded());
  }

  /** The CA's Secret, with its key. */
  private static Map<String, String> authority(Testbed testbed) {
    return testbed
        .controlPlane()
        .client()
        .secrets()
        .inNamespace(OperatorProcess.NAMESPACE)
        .withName("drover-ca")
        .get()
        .getData();
  }

  private static List<Long> residentMib(Testbed testbed, String mainClass) {
    return pids(testbed, mainClass).stream()
        .map(pid -> ProcessMemory.residentKib(pid) >> 10)
        .toList();
  }

  private static List<Long> pids(Testbed testbed, String mainClass) {
    return testbed.hosts().stream()
        .flatMap(host -> host.processesAndPods(mainClass).stream())
        .toList();
  }

  private static String read(long pid, String file) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/" + file));
    } catch (IOException e) {
      return "";
    }
  }

  /** From the start of each process until it worked, by its own count: pod, milliseconds. */
  private static List<String> startups(Testbed testbed) {
    var milliseconds = Pattern.compile("startupMilliseconds\\D*(\\d+)");
    return testbed
        .logFiles()
        .filter(log -> log.toString().contains("/pods/"))
        .flatMap(
            log ->
                milliseconds
                    .matcher(LogTail.of(log, 1 << 20))
                    .results()
                    .map(found -> log.getParent().getFileName() + "=" + found.group(1)))
        .toList();
  }

  private static Map<String, Object> with(Object... keysAndValues) {
    var values = new TreeMap<String, Object>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      values.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return values;
  }

  private static List<String> uids(Testbed testbed) {
    return testbed.release().pods().stream().map(pod -> pod.getMetadata().getUid()).toList();
  }

  private record Pod(String node, String image, int restarts) {}

  private static List<Pod> pods(Testbed testbed, String name) {
    return testbed.release().pods().stream()
        .filter(pod -> name.equals(pod.getMetadata().getLabels().get("app.kubernetes.io/name")))
        .map(
            pod ->
                new Pod(
                    pod.getSpec().getNodeName(),
                    pod.getSpec().getContainers().getFirst().getImage(),
                    pod.getStatus().getContainerStatuses().getFirst().getRestartCount()))
        .toList();
  }
}
