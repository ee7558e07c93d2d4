package dev.drover.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.operator.certificate.CertificateConfig;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A field that is added without being tested here fails the first three. */
class OperatorConfigTest {
  private static final Map<String, String> LEAST =
      Map.of("DROVER_NAMESPACE", "drover", "DROVER_POD_UID", "uid");

  @Test
  void defaults() {
    assertThat(OperatorConfig.from(LEAST))
        .isEqualTo(
            new OperatorConfig(
                "drover",
                "uid",
                "0.0.0.0",
                9800,
                Set.of(),
                Duration.ofSeconds(15),
                Duration.ofSeconds(15),
                Optional.empty()));
  }

  @Test
  void everyVariableIsObeyed() throws ReflectiveOperationException {
    Map<String, String> all =
        Map.of(
            "DROVER_NAMESPACE", "other",
            "DROVER_POD_UID", "other-uid",
            "DROVER_HTTP_ADDRESS", "127.0.0.1",
            "DROVER_HTTP_PORT", "0",
            "DROVER_WATCH_NAMESPACES", "a, b",
            "DROVER_HEARTBEAT_EXPIRY_SECONDS", "30",
            "DROVER_LEASE_DURATION_SECONDS", "20",
            "DROVER_CERTIFICATE_SIGNER", "drover.dev/host",
            "DROVER_CA_DIRECTORY", "/etc/drover/ca",
            "DROVER_CERTIFICATE_LIFETIME_SECONDS", "3600");
    assertThat(all.keySet()).isEqualTo(OperatorConfig.KNOWN);
    OperatorConfig config = OperatorConfig.from(all);
    assertThat(config)
        .isEqualTo(
            new OperatorConfig(
                "other",
                "other-uid",
                "127.0.0.1",
                0,
                Set.of("a", "b"),
                Duration.ofSeconds(30),
                Duration.ofSeconds(20),
                Optional.of(
                    new CertificateConfig(
                        "drover.dev/host",
                        Optional.of(Path.of("/etc/drover/ca")),
                        Duration.ofHours(1)))));
    OperatorConfig defaults = OperatorConfig.from(LEAST);
    for (RecordComponent field : OperatorConfig.class.getRecordComponents()) {
      assertThat(field.getAccessor().invoke(config))
          .as(field.getName())
          .isNotEqualTo(field.getAccessor().invoke(defaults));
    }
    // Those of the certificates are in a record of their own.
    assertThat(OperatorConfig.KNOWN)
        .hasSize(
            OperatorConfig.class.getRecordComponents().length
                - 1
                + CertificateConfig.class.getRecordComponents().length);
  }

  @Test
  void allProblemsAtOnce() {
    Map<String, String> wrong =
        Map.of(
            "DROVER_NAMESPACE", "Not A Namespace",
            "DROVER_HTTP_PORT", "http",
            "DROVER_WATCH_NAMESPACES", "fine,_",
            "DROVER_HEARTBEAT_EXPIRY_SECONDS", "1",
            "DROVER_LEASE_DURATION_SECONDS", "1000",
            "DROVER_HTPP_PORT", "1");
    assertThatThrownBy(() -> OperatorConfig.from(wrong))
        .isInstanceOf(OperatorConfig.InvalidConfigException.class)
        .extracting(e -> Arrays.asList(e.getMessage().split("\n  ")))
        .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.LIST)
        .containsExactlyInAnyOrder(
            "The configuration can't be used:",
            "DROVER_HTPP_PORT is not known.",
            "DROVER_NAMESPACE is not the name of a namespace: \"Not A Namespace\".",
            "DROVER_POD_UID is missing.",
            "DROVER_HTTP_PORT must be a number from 0 to 65535, not \"http\".",
            "DROVER_WATCH_NAMESPACES holds what is no name of a namespace: \"_\".",
            "DROVER_HEARTBEAT_EXPIRY_SECONDS must be a number from 2 to 3600, not \"1\".",
            "DROVER_LEASE_DURATION_SECONDS must be a number from 3 to 600, not \"1000\".");
  }

  @Test
  void whatKubernetesAddsForServicesIsNoProblem() {
    Map<String, String> environment = new HashMap<>(LEAST);
    environment.put("DROVER_OPERATOR_SERVICE_HOST", "10.0.0.1");
    environment.put("DROVER_OPERATOR_SERVICE_PORT", "80");
    environment.put("DROVER_OPERATOR_SERVICE_PORT_HTTP", "80");
    environment.put("DROVER_OPERATOR_PORT", "tcp://10.0.0.1:80");
    environment.put("DROVER_OPERATOR_PORT_80_TCP_ADDR", "10.0.0.1");
    environment.put("PATH", "/bin");
    assertThat(OperatorConfig.from(environment).httpPort()).isEqualTo(9800);
  }
}
