package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.cluster.OperatorProcess;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.host.NodeDaemon;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequest;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hosts that have their certificates from Drover alone. */
@DroverTestbed
class CertificatesIT {
  private static final Duration LIFETIME = Duration.ofSeconds(120);

  /** Each block of a guest's disk begins with it. */
  private static final String DISK_PATTERN = "DROVERBK";

  /** In the memory of each guest: its kernel's greeting. */
  private static final String MEMORY_PATTERN = "Linux version";

  @Test
  void hostsGetCertificatesAndRenewThemWhileAGuestMoves(Testbed testbed, @TempDir Path directory)
      throws IOException {
    testbed.operator().stop();
    var shortLived =
        testbed.anotherOperator(
            "operator-short",
            Map.of("DROVER_CERTIFICATE_LIFETIME_SECONDS", Long.toString(LIFETIME.toSeconds())));
    shortLived.start();
    shortLived.awaitReady();
    var source = testbed.addHost(HostSettings.defaults());
    var target = testbed.addHost(HostSettings.defaults());
    try {
      for (var host : List.of(source, target)) {
        becomesManaged(testbed, host);
        // As docs/install.md asks the admin to, once the certificates are there.
        host.speakTls();
      }
      for (var host : List.of(source, target)) {
        var status = awaitCertificates(testbed, host);
        assertThat(status.peerTransport()).isEqualTo("tls");
        assertThat(Instant.parse(status.certificateNotAfter()))
            .isBefore(Instant.now().plus(LIFETIME.plusSeconds(5)));
        assertThat(testbed.metrics(host.daemon().httpUrl()))
            .contains("drover_daemon_certificate_expiry_timestamp_seconds ");
      }
      anotherHostsNameIsDenied(testbed, source, target, directory);

      var spec = GuestSpec.named("sealed").withDisk(DiskSpec.local(64)).dirtying(16, 2).writing(1);
      try (var scene = Scene.between(testbed, spec, source, target)) {
        awaitFresh(testbed, source, target);
        var boot = scene.guest().bootId();
        var before = serial(target, directory);
        var capture = WireCapture.start(source);
        try (capture) {
          var migration =
              scene.migrate(
                  "target: {nodeName: %s}\nbandwidthMiBps: 1\ncompletionTimeoutSeconds: 600\n"
                      .formatted(target.name()));
          migration.awaitReached(Phase.PreCopy);
          int asked = requests(testbed, target);
          Waiting.until(
              "a new certificate is asked for while the guest moves",
              LIFETIME,
              () -> requests(testbed, target) > asked);
          assertThat(migration.phase()).as("still on its way").isEqualTo(Phase.PreCopy);
          assertThat(serial(target, directory)).as("not while it moves").isEqualTo(before);
          migration.patchSpec("{\"bandwidthMiBps\": 200}");
          migration.awaitSucceeded();
          var missed = capture.stop();
          assertThat(missed).isZero();
          assertThat(capture.bytes()).isGreaterThan(32L << 20);
          assertThat(capture.lines(DISK_PATTERN)).as("of the disk").isZero();
          assertThat(capture.lines(MEMORY_PATTERN)).as("of the memory").isZero();
        }
        scene.assertMoved(boot);
        Waiting.until(
            "libvirtd serves the new one, and was not restarted",
            () -> !serial(target, directory).equals(before));

        // And back, by the new ones.
        var back = scene.reversed();
        back.migrate("target: {nodeName: %s}\n".formatted(source.name())).awaitSucceeded();
        back.assertMoved(boot);
        List.of(source, target).forEach(host -> awaitCertificates(testbed, host));
      }
    } finally {
      shortLived.stop();
      testbed.operator().start();
      testbed.operator().awaitReady();
      testbed.removeHost(target);
      testbed.removeHost(source);
    }
  }

  /** Otherwise the capture of the test above would prove nothing. */
  @Test
  void withoutTlsTheSameCaptureShowsTheGuest(Testbed testbed) {
    var node = NodeStatus.of(testbed, testbed.host("n1"));
    assertThat(node.peerTransport()).isEqualTo("tcp");
    assertThat(node.condition(ConditionType.CertificatesReady).orElseThrow().reason())
        .isEqualTo("PlainText");
    var spec = GuestSpec.named("unsealed").withDisk(DiskSpec.local(64)).dirtying(16, 2).writing(1);
    try (var scene = Scene.onSource(testbed, spec);
        var capture = WireCapture.start(scene.source())) {
      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      capture.stop();
      assertThat(capture.lines(DISK_PATTERN)).as("of the disk").isPositive();
      assertThat(capture.lines(MEMORY_PATTERN)).as("of the memory").isPositive();
    }
  }

  private static void anotherHostsNameIsDenied(
      Testbed testbed, HypervisorHost host, HypervisorHost other, Path directory)
      throws IOException {
    Command.of(
            "openssl",
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            directory.resolve("stolen.key").toString(),
            "-out",
            directory.resolve("stolen.csr").toString(),
            "-subj",
            "/CN=" + other.name(),
            "-addext",
            "subjectAltName=DNS:%s,IP:%s".formatted(other.name(), other.ip()))
        .run()
        .orThrow();
    var identity =
        testbed
            .controlPlane()
            .podBoundKubeconfig(
                NodeDaemon.NAMESPACE,
                NodeDaemon.SERVICE_ACCOUNT,
                NodeDaemon.SERVICE_ACCOUNT + "-" + host.name(),
                host.name());
    var name = "drover-host-%s-stolen".formatted(host.name());
    try (var client = testbed.controlPlane().client(identity.kubeconfig())) {
      client
          .resource(
              new CertificateSigningRequestBuilder()
                  .withNewMetadata()
                  .withName(name)
                  .endMetadata()
                  .withNewSpec()
                  .withSignerName("drover.dev/host")
                  .withRequest(
                      Base64.getEncoder()
                          .encodeToString(Files.readAllBytes(directory.resolve("stolen.csr"))))
                  .withUsages("digital signature", "key encipherment", "server auth", "client auth")
                  .endSpec()
                  .build())
          .create();
    }
    Waiting.until(
        "it is denied",
        () ->
            request(testbed, name).getStatus().getConditions().stream()
                .anyMatch(
                    c ->
                        c.getType().equals("Denied")
                            && c.getMessage().contains("CN=" + host.name())));
    assertThat(request(testbed, name).getStatus().getCertificate()).isNull();
  }

  private static CertificateSigningRequest request(Testbed testbed, String name) {
    return testbed
        .controlPlane()
        .client()
        .certificates()
        .v1()
        .certificateSigningRequests()
        .withName(name)
        .get();
  }

  private static int requests(Testbed testbed, HypervisorHost host) {
    return (int)
        testbed
            .controlPlane()
            .client()
            .certificates()
            .v1()
            .certificateSigningRequests()
            .list()
            .getItems()
            .stream()
            .filter(r -> r.getMetadata().getName().startsWith("drover-host-" + host.name() + "-"))
            .count();
  }

  /** What the chart, a kubelet and a DaemonSet do: the CAs, the node's address, the daemon. */
  private static void becomesManaged(Testbed testbed, HypervisorHost host) {
    var authorities =
        testbed
            .controlPlane()
            .client()
            .configMaps()
            .inNamespace(OperatorProcess.NAMESPACE)
            .withName("drover-ca")
            .get()
            .getData()
            .get("ca.crt");
    host.exec(
            "sh",
            "-c",
            "mkdir -p /etc/drover/ca && printf '%s' \"$0\" > /etc/drover/ca/ca.crt",
            authorities)
        .orThrow();
    testbed
        .kubectl(
            "patch",
            "node",
            host.name(),
            "--subresource=status",
            "--type=merge",
            "-p",
            "{\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"%s\"}]}}"
                .formatted(host.ip()))
        .orThrow();
    host.daemon().kill();
    host.daemon()
        .with("DROVER_PEER_TRANSPORT", "tls")
        .with("DROVER_CERTIFICATES", "Managed")
        .start();
    host.daemon().awaitReady();
  }

  private static HypervisorNodeStatus awaitCertificates(Testbed testbed, HypervisorHost host) {
    Waiting.until(
        host.name() + " has told of its certificates",
        () -> {
          var condition =
              NodeStatus.of(testbed, host).condition(ConditionType.CertificatesReady).orElseThrow();
          return condition.isTrue() && !String.valueOf(condition.message()).contains("libvirtd");
        });
    return NodeStatus.of(testbed, host);
  }

  /** Both have just renewed, so that the next time is some while off. */
  private static void awaitFresh(Testbed testbed, HypervisorHost... hosts) {
    Waiting.until(
        "both have most of their certificates' life before them",
        LIFETIME,
        () ->
            List.of(hosts).stream()
                .allMatch(
                    host ->
                        Instant.parse(NodeStatus.of(testbed, host).certificateNotAfter())
                            .isAfter(Instant.now().plus(LIFETIME.dividedBy(2)))));
  }

  /** Of the certificate that libvirtd presents to whoever comes. */
  private static String serial(HypervisorHost host, Path directory) {
    var result =
        Command.of(
                "sh",
                "-c",
                "openssl s_client -connect \"$0\":16514 </dev/null 2>/dev/null | openssl x509 -noout -serial",
                host.ip())
            .run();
    assertThat(result.out()).as(result.err()).contains("serial=");
    return result.out();
  }
}
