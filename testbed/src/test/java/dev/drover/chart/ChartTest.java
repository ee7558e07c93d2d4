package dev.drover.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.marcnuri.helm.Helm;
import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.process.Recipes;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.ValidatingAdmissionPolicy;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.ValidatingAdmissionPolicyBinding;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChartTest {
  private static final String DAEMON = "drover-node-daemon";

  @Test
  void lints() {
    var result = new Helm(Recipes.sourceTree().resolve("helm/drover")).lint().strict().call();

    assertThat(result.isFailed()).as(result.getMessages().toString()).isFalse();
  }

  @Test
  void everyDocumentIsOfAKindThatKubernetesKnows() {
    assertThat(rendered(Map.of()))
        .hasSizeGreaterThan(15)
        .noneMatch(GenericKubernetesResource.class::isInstance);
  }

  @Test
  void unknownValuesAreRefused() {
    assertThatThrownBy(() -> rendered(Map.of("operator.replica", 3)))
        .hasMessageContaining("replica");
    assertThatThrownBy(() -> rendered(Map.of("nodeDaemon.peerTransport", "udp")))
        .hasMessageContaining("peerTransport");
    assertThatThrownBy(() -> rendered(Map.of("nodeDaemon.maxUnavailable", "0%")))
        .hasMessageContaining("maxUnavailable");
    assertThatThrownBy(() -> rendered(Map.of("networkPolicy.apiServerPorts[0]", 0)))
        .hasMessageContaining("apiServerPorts");
  }

  @Test
  void daemonsDeleteNothing() {
    assertThat(rules(DAEMON)).isNotEmpty().noneMatch(rule -> rule.getVerbs().contains("delete"));
    assertThat(rules(DAEMON)).noneMatch(rule -> rule.getVerbs().contains("deletecollection"));
  }

  @Test
  void daemonsDoNotChangeWhatUsersAskFor() {
    assertThat(rules(DAEMON))
        .filteredOn(rule -> rule.getResources().contains("livemigrations"))
        .singleElement()
        .satisfies(
            rule -> assertThat(rule.getVerbs()).containsExactlyInAnyOrder("get", "list", "watch"));
  }

  @Test
  void nobodyGetsMoreThanIsNamed() {
    // A host's certificate is for the addresses of its Node: the operator looks at that one.
    assertThat(rules(""))
        .filteredOn(rule -> rule.getResources().contains("nodes"))
        .singleElement()
        .satisfies(rule -> assertThat(rule.getVerbs()).containsExactly("get"));
    assertThat(rules(DAEMON)).noneMatch(rule -> rule.getResources().contains("nodes"));
    assertThat(rules(""))
        .filteredOn(rule -> !rule.getResources().equals(List.of("nodes")))
        .allSatisfy(
            rule ->
                assertThat(
                        Stream.of(rule.getVerbs(), rule.getResources(), rule.getApiGroups())
                            .flatMap(List::stream))
                    .doesNotContain("*", "secrets", "pods", "nodes", "impersonate", "bind"));
  }

  @Test
  void everyPolicyFailsClosedAndIsBound() {
    var policies = of(ValidatingAdmissionPolicy.class, rendered(Map.of()));
    var bindings = of(ValidatingAdmissionPolicyBinding.class, rendered(Map.of()));

    assertThat(policies)
        .hasSize(6)
        .allSatisfy(policy -> assertThat(policy.getSpec().getFailurePolicy()).isEqualTo("Fail"));
    assertThat(bindings)
        .allSatisfy(
            binding -> assertThat(binding.getSpec().getValidationActions()).containsExactly("Deny"))
        .extracting(binding -> binding.getSpec().getPolicyName())
        .containsExactlyInAnyOrderElementsOf(
            policies.stream().map(policy -> policy.getMetadata().getName()).toList());
  }

  @Test
  void policiesCanBeLeftOut() {
    var objects = rendered(Map.of("admissionPolicies.enabled", false));

    assertThat(of(ValidatingAdmissionPolicy.class, objects)).isEmpty();
    assertThat(of(ValidatingAdmissionPolicyBinding.class, objects)).isEmpty();
  }

  @Test
  void crdsStayWhenTheChartGoes() {
    assertThat(of(CustomResourceDefinition.class, rendered(Map.of())))
        .hasSize(3)
        .allSatisfy(
            crd ->
                assertThat(crd.getMetadata().getAnnotations())
                    .containsEntry("helm.sh/resource-policy", "keep"));
    assertThat(of(CustomResourceDefinition.class, rendered(Map.of("crds.keep", false))))
        .hasSize(3)
        .allSatisfy(crd -> assertThat(crd.getMetadata().getAnnotations()).isNullOrEmpty());
    assertThat(of(CustomResourceDefinition.class, rendered(Map.of("crds.install", false))))
        .isEmpty();
  }

  @Test
  void theOperatorRunsWithoutPrivileges() {
    var pod = of(Deployment.class, rendered(Map.of())).getFirst().getSpec().getTemplate().getSpec();

    assertThat(pod.getSecurityContext().getRunAsNonRoot()).isTrue();
    assertThat(pod.getHostNetwork()).isNull();
    assertThat(pod.getContainers())
        .singleElement()
        .satisfies(
            container -> {
              assertThat(container.getSecurityContext().getCapabilities().getDrop())
                  .containsExactly("ALL");
              assertThat(container.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
              assertThat(container.getSecurityContext().getReadOnlyRootFilesystem()).isTrue();
            });
  }

  @Test
  void theDaemonSeesItsHost() {
    var pod = of(DaemonSet.class, rendered(Map.of())).getFirst().getSpec().getTemplate().getSpec();

    assertThat(pod.getHostNetwork()).isTrue();
    assertThat(pod.getHostPID()).isTrue();
    assertThat(pod.getVolumes())
        .filteredOn(volume -> volume.getHostPath() != null)
        .extracting(volume -> volume.getHostPath().getPath())
        .containsExactlyInAnyOrder("/run/libvirt", "/etc/pki");
    assertThat(pod.getContainers().getFirst().getSecurityContext().getReadOnlyRootFilesystem())
        .isTrue();
    assertThat(pod.getContainers().getFirst().getEnv())
        .filteredOn(variable -> variable.getValueFrom() != null)
        .extracting(
            variable ->
                variable.getName() + "=" + variable.getValueFrom().getFieldRef().getFieldPath())
        .containsExactlyInAnyOrder(
            "DROVER_NODE_NAME=spec.nodeName",
            "DROVER_POD_UID=metadata.uid",
            "DROVER_NAMESPACE=metadata.namespace",
            "DROVER_MIGRATION_ADDRESS=status.hostIP");
  }

  @Test
  void aDaemonThatIsNotPrivilegedHasWhatItUses() {
    assertThat(daemonContainer(Map.of()).getSecurityContext())
        .satisfies(
            context -> {
              assertThat(context.getPrivileged()).isTrue();
              assertThat(context.getReadOnlyRootFilesystem()).isTrue();
            });
    assertThat(daemonContainer(Map.of("nodeDaemon.privileged", false)).getSecurityContext())
        .satisfies(
            context -> {
              assertThat(context.getPrivileged()).isFalse();
              assertThat(context.getAllowPrivilegeEscalation()).isFalse();
              assertThat(context.getReadOnlyRootFilesystem()).isTrue();
              assertThat(context.getCapabilities().getDrop()).containsExactly("ALL");
              assertThat(context.getCapabilities().getAdd())
                  .containsExactly("NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH", "CHOWN");
              assertThat(context.getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
              assertThat(context.getAppArmorProfile().getType()).isEqualTo("Unconfined");
            });
    assertThat(
            daemonContainer(
                    Map.of(
                        "nodeDaemon.privileged",
                        false,
                        "nodeDaemon.breakConnections",
                        "Never",
                        "certificates.source",
                        "Host"))
                .getSecurityContext())
        .satisfies(
            context -> {
              assertThat(context.getCapabilities().getAdd()).isNullOrEmpty();
              assertThat(context.getAppArmorProfile()).isNull();
            });
  }

  @Test
  void nothingOfTheHostIsWrittenToButItsCertificates() {
    assertThat(daemonContainer(Map.of()).getVolumeMounts())
        .filteredOn(mount -> !Boolean.TRUE.equals(mount.getReadOnly()))
        .extracting(VolumeMount::getMountPath)
        .containsExactlyInAnyOrder("/tmp", "/etc/pki");
    assertThat(daemonContainer(Map.of("certificates.source", "Host")).getVolumeMounts())
        .filteredOn(mount -> !mount.getMountPath().equals("/tmp"))
        .hasSize(2)
        .allMatch(VolumeMount::getReadOnly);
  }

  @Test
  void theKeyOfTheCaGoesToTheOperatorAlone() {
    var objects = rendered(Map.of());
    var daemon = of(DaemonSet.class, objects).getFirst().getSpec().getTemplate().getSpec();
    var operator = of(Deployment.class, objects).getFirst().getSpec().getTemplate().getSpec();

    assertThat(daemon.getVolumes()).allMatch(volume -> volume.getSecret() == null);
    assertThat(operator.getVolumes())
        .filteredOn(volume -> volume.getSecret() != null)
        .singleElement()
        .satisfies(volume -> assertThat(volume.getSecret().getSecretName()).isEqualTo("drover-ca"));
    assertThat(of(Secret.class, objects))
        .singleElement()
        .satisfies(
            secret -> {
              assertThat(secret.getData()).containsOnlyKeys("tls.crt", "tls.key");
              assertThat(secret.getMetadata().getAnnotations())
                  .containsEntry("helm.sh/resource-policy", "keep");
            });
  }

  @Test
  void anotherSignerNeedsItsCa() {
    assertThatThrownBy(
            () ->
                rendered(Map.of("certificates.signerName", "clusterissuers.cert-manager.io/hosts")))
        .hasMessageContaining("certificates.caConfigMap");
    var objects =
        rendered(
            Map.of(
                "certificates.signerName",
                "clusterissuers.cert-manager.io/hosts",
                "certificates.caConfigMap",
                "hosts"));

    assertThat(of(Secret.class, objects)).isEmpty();
    assertThat(
            of(ClusterRole.class, objects).stream()
                .flatMap(role -> role.getRules().stream())
                .filter(rule -> rule.getResources().contains("signers")))
        .singleElement()
        .satisfies(
            rule -> {
              assertThat(rule.getVerbs()).containsExactly("approve");
              assertThat(rule.getResourceNames())
                  .containsExactly("clusterissuers.cert-manager.io/hosts");
            });
  }

  @Test
  void theKubeletAsksWhereTheDaemonListens() {
    assertThat(daemonContainer(Map.of()).getReadinessProbe().getHttpGet().getHost()).isNull();
    assertThat(
            daemonContainer(Map.of("nodeDaemon.httpAddress", "127.0.0.1"))
                .getReadinessProbe()
                .getHttpGet()
                .getHost())
        .isEqualTo("127.0.0.1");
  }

  private static Container daemonContainer(Map<String, Object> values) {
    return of(DaemonSet.class, rendered(values))
        .getFirst()
        .getSpec()
        .getTemplate()
        .getSpec()
        .getContainers()
        .getFirst();
  }

  @Test
  void aDrainLeavesOneOperator() {
    var objects = rendered(Map.of());

    assertThat(of(PodDisruptionBudget.class, objects))
        .singleElement()
        .satisfies(
            budget ->
                assertThat(
                        of(Deployment.class, objects)
                            .getFirst()
                            .getSpec()
                            .getTemplate()
                            .getMetadata()
                            .getLabels())
                    .containsAllEntriesOf(budget.getSpec().getSelector().getMatchLabels()));
    assertThat(of(PodDisruptionBudget.class, rendered(Map.of("operator.replicas", 1)))).isEmpty();
  }

  /** One that does is ignored on nodes without a zone, and every other of the pod's with it. */
  @Test
  void noSpreadConstraintNeedsAZone() {
    var spec =
        of(Deployment.class, rendered(Map.of())).getFirst().getSpec().getTemplate().getSpec();

    assertThat(spec.getTopologySpreadConstraints())
        .singleElement()
        .satisfies(
            constraint -> {
              assertThat(constraint.getTopologyKey()).isEqualTo("kubernetes.io/hostname");
              assertThat(constraint.getMatchLabelKeys()).containsExactly("pod-template-hash");
            });
  }

  @Test
  void theDashboardKnowsItsMetrics() throws IOException {
    assertThat(dashboards(Map.of())).isEmpty();

    var maps = dashboards(Map.of("monitoring.dashboard.enabled", true));
    var metrics = Files.readString(Recipes.sourceTree().resolve("docs/reference/metrics.md"));

    assertThat(maps).hasSize(1);
    assertThat(maps.getFirst().getMetadata().getLabels()).containsEntry("grafana_dashboard", "1");
    var panels =
        Serialization.jsonMapper()
            .readTree(maps.getFirst().getData().get("drover.json"))
            .path("panels");
    assertThat(panels.size()).isGreaterThan(10);
    assertThat(panels)
        .flatExtracting(panel -> panel.findValuesAsText("expr"))
        .isNotEmpty()
        .allSatisfy(
            expression ->
                assertThat(
                        Pattern.compile("drover_[a-z_]+")
                            .matcher(expression)
                            .results()
                            .map(metric -> metric.group().replaceAll("_bucket$", "")))
                    .isNotEmpty()
                    .allMatch(metric -> metrics.contains("`" + metric + "`")));
  }

  /** The other ConfigMap is the hosts' CA. */
  private static List<ConfigMap> dashboards(Map<String, Object> values) {
    return of(ConfigMap.class, rendered(values)).stream()
        .filter(map -> map.getData().containsKey("drover.json"))
        .toList();
  }

  /** Both refuse to start with a variable that they don't know; the C library does not. */
  @ParameterizedTest
  @CsvSource({
    "drover-operator, operator/src/main/java/dev/drover/operator/OperatorConfig.java",
    "drover-node-daemon, node-daemon/src/main/java/dev/drover/node/DaemonConfig.java"
  })
  void onlyVariablesThatAreReadAreSet(String name, String config) throws IOException {
    var source = Files.readString(Recipes.sourceTree().resolve(config));
    var variables =
        podSpecs()
            .filter(pod -> pod.getServiceAccountName().equals(name))
            .flatMap(pod -> pod.getContainers().getFirst().getEnv().stream())
            .map(EnvVar::getName)
            .filter(variable -> !variable.equals("MALLOC_ARENA_MAX"))
            .toList();

    assertThat(variables)
        .isNotEmpty()
        .allMatch(
            variable ->
                source.contains("\"" + variable + "\"")
                    || source.contains("\"" + variable.replace("DROVER_", "") + "\""));
  }

  private static Stream<PodSpec> podSpecs() {
    var objects = rendered(Map.of());
    return Stream.concat(
        of(Deployment.class, objects).stream().map(d -> d.getSpec().getTemplate().getSpec()),
        of(DaemonSet.class, objects).stream().map(d -> d.getSpec().getTemplate().getSpec()));
  }

  @Test
  void aDigestTakesThePlaceOfTheTag() {
    var digest = "sha256:" + "0".repeat(64);

    var operator =
        of(Deployment.class, rendered(Map.of("operator.image.digest", digest))).getFirst();

    assertThat(operator.getSpec().getTemplate().getSpec().getContainers().getFirst().getImage())
        .endsWith("/operator@" + digest);
  }

  @Test
  void everyValueIsInTheReadme() throws IOException {
    var chart = Recipes.sourceTree().resolve("helm/drover");
    var values = Serialization.yamlMapper().readTree(chart.resolve("values.yaml").toFile());
    var readme = Files.readString(chart.resolve("README.md"));

    assertThat(paths("", values))
        .hasSizeGreaterThan(20)
        .allMatch(path -> readme.contains("`" + path + "`"));
  }

  @Test
  void alertsAreThereIfWantedAndKnowTheirMetrics() throws IOException {
    assertThat(rendered(Map.of())).noneMatch(o -> o.getKind().equals("PrometheusRule"));

    var rules =
        rendered(Map.of("monitoring.alerts.enabled", true, "monitoring.alerts.labels.team", "vm"))
            .stream()
            .filter(GenericKubernetesResource.class::isInstance)
            .map(GenericKubernetesResource.class::cast)
            .toList();
    var metrics = Files.readString(Recipes.sourceTree().resolve("docs/reference/metrics.md"));

    assertThat(rules).hasSize(1);
    assertThat(rules.getFirst().getMetadata().getLabels()).containsEntry("team", "vm");
    JsonNode groups =
        Serialization.jsonMapper()
            .valueToTree(rules.getFirst().getAdditionalProperties())
            .at("/spec/groups/0/rules");
    assertThat(groups.size()).isGreaterThan(3);
    assertThat(groups)
        .allSatisfy(
            rule ->
                assertThat(
                        Pattern.compile("drover_[a-z_]+")
                            .matcher(rule.path("expr").asText())
                            .results()
                            .map(MatchResult::group))
                    .isNotEmpty()
                    .allMatch(metric -> metrics.contains("`" + metric + "`")));
  }

  /** The values that somebody may set; what is passed on to Kubernetes as it is counts as one. */
  private static List<String> paths(String prefix, JsonNode node) {
    return node.properties().stream()
        .flatMap(
            entry -> {
              var path = prefix + entry.getKey();
              var name = entry.getKey();
              return entry.getValue().isObject()
                      && !List.of("resources", "nodeSelector", "labels").contains(name)
                  ? paths(path + ".", entry.getValue()).stream()
                  : Stream.of(path);
            })
        .toList();
  }

  /** Of the roles and cluster roles of that name; of all of them, if it is empty. */
  private static List<PolicyRule> rules(String name) {
    var objects = rendered(Map.of());
    return Stream.concat(
            of(Role.class, objects).stream()
                .filter(role -> role.getMetadata().getName().contains(name))
                .flatMap(role -> role.getRules().stream()),
            of(ClusterRole.class, objects).stream()
                .filter(role -> role.getMetadata().getName().contains(name))
                .flatMap(role -> role.getRules().stream()))
        .toList();
  }

  private static <T> List<T> of(Class<T> type, List<HasMetadata> objects) {
    return objects.stream().filter(type::isInstance).map(type::cast).toList();
  }

  private static List<HasMetadata> rendered(Map<String, Object> values) {
    return ChartInstallation.render(values).stream()
        .map(object -> (HasMetadata) Serialization.unmarshal(Serialization.asYaml(object)))
        .toList();
  }
}
