package dev.drover.chart;

import static java.util.regex.Pattern.MULTILINE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.ApiTest;
import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The health checks of docs/how-to/gitops.md say of each state of a migration what people expect:
 * Flux's CEL as the API server evaluates it, Argo CD's Lua as {@code lua} does, if there is one.
 */
@ApiTest
class GitOpsPageApiTest {
  private static final String MIGRATION =
      """
      apiVersion: drover.dev/v1alpha1
      kind: LiveMigration
      metadata:
        name: gitops
        namespace: gitops
      """;

  /** A policy under which a status write is refused if the expression is true of the object. */
  private static final String SAYS =
      """
      apiVersion: admissionregistration.k8s.io/v1
      kind: ValidatingAdmissionPolicy
      metadata: {name: flux-%1$s}
      spec:
        failurePolicy: Fail
        matchConstraints:
          namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: gitops}}
          resourceRules:
            - apiGroups: [drover.dev]
              apiVersions: ["*"]
              operations: [UPDATE]
              resources: [livemigrations/status]
        variables:
          - name: status
            expression: object.?status.orValue({})
        validations:
          - expression: "!(%2$s)"
            message: flux says %1$s
      """;

  private static final String BINDING =
      """
      apiVersion: admissionregistration.k8s.io/v1
      kind: ValidatingAdmissionPolicyBinding
      metadata: {name: flux-%1$s}
      spec: {policyName: flux-%1$s, validationActions: [Deny]}
      """;

  private static Identity admin;
  private static String page;

  @BeforeAll
  static void expressionsOfThePage(ControlPlane controlPlane) throws IOException {
    page = Files.readString(Recipes.sourceTree().resolve("docs/how-to/gitops.md"));
    admin = new Identity(controlPlane.client(), "admin");
    admin.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: gitops}\n");
    admin.apply(MIGRATION + "spec: {virtualMachineName: web}");
    for (var verdict : List.of("current", "failed")) {
      admin.apply(SAYS.formatted(verdict, fluxExpression(verdict)));
      admin.apply(BINDING.formatted(verdict));
    }
    Awaitility.await().until(() -> fluxVerdict(status("Succeeded=True")).equals("current"));
    Awaitility.await().until(() -> fluxVerdict(status("Succeeded=False")).equals("failed"));
  }

  @AfterAll
  static void remove() {
    for (var verdict : List.of("current", "failed")) {
      admin.delete(BINDING.formatted(verdict));
      admin.delete(SAYS.formatted(verdict, "false"));
    }
    admin.delete(MIGRATION);
  }

  @ParameterizedTest
  @CsvSource({
    "'', in progress, Progressing",
    "Ready=False Reconciling=True Succeeded=Unknown, in progress, Progressing",
    "Ready=False Reconciling=True Stalled=True Succeeded=Unknown, failed, Degraded",
    "Ready=True Reconciling=False Stalled=False Succeeded=True, current, Healthy",
    "Ready=False Reconciling=False Stalled=True Succeeded=False, failed, Degraded"
  })
  void saysHowItStands(String conditions, String flux, String argo)
      throws IOException, InterruptedException {
    assertThat(fluxVerdict(status(conditions))).isEqualTo(flux);

    assertThat(argoVerdict(conditions)).isEqualTo(argo);
  }

  private static String fluxVerdict(String status) {
    try {
      admin.mergeIntoStatus(MIGRATION + status);
      return "in progress";
    } catch (RuntimeException e) {
      var verdict = Pattern.compile("flux says (\\w+)").matcher(String.valueOf(e.getMessage()));
      assertThat(verdict.find()).as(e.getMessage()).isTrue();
      return verdict.group(1);
    }
  }

  private static String argoVerdict(String conditions) throws IOException {
    var table =
        conditionList(conditions).stream()
            .map(c -> "{type='%s', status='%s', message='m'}".formatted(c[0], c[1]))
            .collect(Collectors.joining(","));
    var object =
        conditions.isEmpty() ? "obj = {}" : "obj = {status = {conditions = {%s}}}".formatted(table);
    var script = Files.createTempFile("gitops", ".lua");
    try {
      Files.writeString(
          script, object + "\nlocal function check()\n" + lua() + "\nend\nprint(check().status)\n");
      return Command.of("lua", script.toString()).output().strip();
    } finally {
      Files.delete(script);
    }
  }

  private static String status(String conditions) {
    return conditions.isEmpty()
        ? "status: {conditions: null}"
        : conditionList(conditions).stream()
            .map(
                c ->
                    "{type: %s, status: \"%s\", reason: Accepted, lastTransitionTime: \"2026-11-23T13:00:00Z\"}"
                        .formatted(c[0], c[1]))
            .collect(Collectors.joining(", ", "status: {conditions: [", "]}"));
  }

  private static List<String[]> conditionList(String conditions) {
    return Pattern.compile(" ")
        .splitAsStream(conditions)
        .filter(text -> !text.isEmpty())
        .map(text -> text.split("="))
        .toList();
  }

  private static String fluxExpression(String verdict) {
    return find("^ +%s: (.*)$".formatted(verdict)).replace("status.?", "variables.status.?");
  }

  private static String lua() {
    return find("LiveMigration: \\|\n((?:    .*\n)+)");
  }

  private static String find(String pattern) {
    var found = Pattern.compile(pattern, MULTILINE).matcher(page);
    assertThat(found.find()).as(pattern).isTrue();
    return found.group(1);
  }
}
