package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.drover.node.DaemonConfig.CertificateConfig;
import dev.drover.node.DaemonConfig.ConfigException;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.PortRange;
import java.lang.reflect.RecordComponent;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The contract of the daemon's environment: defaults, every key, every validation. */
class DaemonConfigTest {
  private static final Map<String, String> REQUIRED =
      Map.of("DROVER_NODE_NAME", "host-a", "DROVER_MIGRATION_ADDRESS", "192.0.2.1");

  private static final Map<String, String> EVERY_KEY =
      Map.ofEntries(
          Map.entry("DROVER_NODE_NAME", "host-b.example"),
          Map.entry("DROVER_POD_UID", "0a1b"),
          Map.entry("DROVER_NAMESPACE", "vm-infra"),
          Map.entry("DROVER_GUEST_NAMESPACE", "guests"),
          Map.entry("DROVER_MIGRATION_ADDRESS", "2001:db8::2"),
          Map.entry("DROVER_LIBVIRT_URI", "qemu+unix:///system?socket=/run/x"),
          Map.entry("DROVER_PEER_TRANSPORT", "tcp"),
          Map.entry("DROVER_MIGRATION_PORTS", "50000-50001"),
          Map.entry("DROVER_HTTP_ADDRESS", "127.0.0.1"),
          Map.entry("DROVER_HTTP_PORT", "9999"),
          Map.entry("DROVER_HEARTBEAT_INTERVAL_SECONDS", "2"),
          Map.entry("DROVER_HEARTBEAT_DURATION_SECONDS", "7"),
          Map.entry("DROVER_RESYNC_INTERVAL_SECONDS", "11"),
          Map.entry("DROVER_BREAK_CONNECTIONS", "Never"),
          Map.entry("DROVER_RESTART_LIBVIRT", "Allowed"),
          Map.entry("DROVER_CERTIFICATES", "Managed"),
          Map.entry("DROVER_CERTIFICATE_SIGNER", "clusterissuers.cert-manager.io/hosts"),
          Map.entry("DROVER_CERTIFICATE_AUTHORITIES", "/ca.pem"),
          Map.entry("DROVER_CERTIFICATE_LIFETIME_SECONDS", "86400"));

  @Test
  void defaults() {
    assertThat(DaemonConfig.from(REQUIRED))
        .isEqualTo(
            new DaemonConfig(
                "host-a",
                Optional.empty(),
                "drover-system",
                "default",
                InetAddress.ofLiteral("192.0.2.1"),
                URI.create("qemu:///system"),
                Transport.tls,
                PortRange.LIBVIRTS,
                InetAddress.ofLiteral("0.0.0.0"),
                9810,
                Duration.ofSeconds(5),
                Duration.ofSeconds(15),
                Duration.ofSeconds(30),
                true,
                false,
                new CertificateConfig(
                    false,
                    "drover.dev/host",
                    Path.of("/etc/drover/ca/ca.crt"),
                    Duration.ofDays(30))));
  }

  @Test
  void everyKeyIsMapped() throws ReflectiveOperationException {
    var byDefault = DaemonConfig.from(REQUIRED);
    var config = DaemonConfig.from(EVERY_KEY);

    assertThat(config)
        .isEqualTo(
            new DaemonConfig(
                "host-b.example",
                Optional.of("0a1b"),
                "vm-infra",
                "guests",
                InetAddress.ofLiteral("2001:db8::2"),
                URI.create("qemu+unix:///system?socket=/run/x"),
                Transport.tcp,
                new PortRange(50000, 50001),
                InetAddress.ofLiteral("127.0.0.1"),
                9999,
                Duration.ofSeconds(2),
                Duration.ofSeconds(7),
                Duration.ofSeconds(11),
                false,
                true,
                new CertificateConfig(
                    true,
                    "clusterissuers.cert-manager.io/hosts",
                    Path.of("/ca.pem"),
                    Duration.ofDays(1))));
    // A component that was added without a key here shows up as one that has its default still.
    for (RecordComponent component : DaemonConfig.class.getRecordComponents()) {
      assertThat(component.getAccessor().invoke(config))
          .as(component.getName())
          .isNotEqualTo(component.getAccessor().invoke(byDefault));
    }
    // Those of the certificates are in a record of their own.
    assertThat(EVERY_KEY)
        .hasSize(
            DaemonConfig.class.getRecordComponents().length
                - 1
                + CertificateConfig.class.getRecordComponents().length);
  }

  /** logback.xml reads it. */
  @Test
  void theTraceLevelIsNobodysTypingError() {
    var environment = new HashMap<>(REQUIRED);
    environment.put("DROVER_TRACE_LEVEL", "DEBUG");
    assertThat(DaemonConfig.from(environment)).isEqualTo(DaemonConfig.from(REQUIRED));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "DROVER_NODE_NAME | Host_A",
        "DROVER_NODE_NAME | ''",
        "DROVER_POD_UID | 0123456789012345678901234567890123456789012345678901234567890123456789",
        "DROVER_NAMESPACE | a.b",
        "DROVER_GUEST_NAMESPACE | -x",
        "DROVER_MIGRATION_ADDRESS | host-a.example",
        "DROVER_MIGRATION_ADDRESS | 0.0.0.0",
        "DROVER_MIGRATION_ADDRESS | ''",
        "DROVER_LIBVIRT_URI | /run/libvirt/libvirt-sock",
        "DROVER_PEER_TRANSPORT | ssh",
        "DROVER_HTTP_ADDRESS | localhost",
        "DROVER_HTTP_PORT | 65536",
        "DROVER_HTTP_PORT | 0x10",
        "DROVER_HEARTBEAT_INTERVAL_SECONDS | 0",
        "DROVER_HEARTBEAT_INTERVAL_SECONDS | 8",
        "DROVER_HEARTBEAT_DURATION_SECONDS | PT15S",
        "DROVER_RESYNC_INTERVAL_SECONDS | 99999999999999",
        "DROVER_TRACE_LEVEL | VERBOSE",
        "DROVER_LIBVIRT_URL | qemu:///system",
      })
  void refuses(String key, String value) {
    var environment = new HashMap<>(REQUIRED);
    environment.put(key, value);

    assertThatThrownBy(() -> DaemonConfig.from(environment))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(key);
  }

  @Test
  void reportsAllProblemsAtOnce() {
    assertThatThrownBy(
            () -> DaemonConfig.from(Map.of("DROVER_HTTP_PORT", "x", "DROVER_COLOUR", "blue")))
        .asInstanceOf(type(ConfigException.class))
        .extracting(ConfigException::problems)
        .isEqualTo(
            List.of(
                "DROVER_NODE_NAME is not set; it must be a DNS-1123 name of at most 111 characters",
                "DROVER_MIGRATION_ADDRESS is not set; it must be the literal of an IP address at"
                    + " which other hosts reach this one",
                "DROVER_HTTP_PORT is \"x\", but must be an integer from 0 to 65535",
                "DROVER_COLOUR is not a setting of the node daemon"));
  }

  @Test
  void ignoresWhatKubernetesSetsForServicesOfThatName() {
    var environment = new HashMap<>(REQUIRED);
    environment.put("DROVER_OPERATOR_SERVICE_HOST", "10.0.0.7");
    environment.put("DROVER_OPERATOR_SERVICE_PORT", "443");
    environment.put("DROVER_OPERATOR_SERVICE_PORT_HTTPS", "443");
    environment.put("DROVER_OPERATOR_PORT", "tcp://10.0.0.7:443");
    environment.put("DROVER_OPERATOR_PORT_443_TCP", "tcp://10.0.0.7:443");
    environment.put("DROVER_OPERATOR_PORT_443_TCP_ADDR", "10.0.0.7");

    assertThat(DaemonConfig.from(environment)).isEqualTo(DaemonConfig.from(REQUIRED));
  }

  @Test
  void theNodeStandsInForThePod() {
    assertThat(DaemonConfig.from(REQUIRED).heartbeatHolder()).isEqualTo("host-a");
    assertThat(DaemonConfig.from(EVERY_KEY).heartbeatHolder()).isEqualTo("0a1b");
  }
}
