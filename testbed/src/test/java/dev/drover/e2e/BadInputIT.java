package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Nonsense, and malice, from everybody who can write something: refused with a reason, without
 * anybody else noticing.
 */
@DroverTestbed
class BadInputIT {
  private static final int STREAM = 150;
  private static final String MIGRATIONS =
      "/apis/drover.dev/v1alpha1/namespaces/default/livemigrations";

  /** Another one with {@code -Ddrover.seed=N}; it is in the message of each assertion. */
  private static final long SEED = Long.getLong("drover.seed", 20261125);

  @AfterEach
  void takeBack(Testbed testbed) {
    for (String node : List.of("n1", "n2")) {
      testbed.kubectl("patch", "hvn", node, "--type=merge", "-p", "{\"spec\":null}");
    }
    for (HypervisorHost host : List.of(testbed.host("n1"), testbed.host("n2"))) {
      for (String uuid : host.virsh("list", "--all", "--uuid").out().lines().toList()) {
        if (!uuid.isBlank()) {
          host.virsh("destroy", uuid);
          host.virsh("undefine", uuid);
        }
      }
    }
  }

  @Test
  void aStreamOfNonsenseIsRefusedWithAReasonAndNoOtherMigrationNotices(Testbed testbed) {
    var spec = GuestSpec.named("calm").withDisk(DiskSpec.local(128));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      scene.guest().fillDisk(0, 120);
      var quiet = new Quiet(testbed);
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 12\n");
      migration.awaitPhase(Phase.PreCopy);

      int taken = sendMigrations(testbed, new NonsenseSpec(SEED));
      sendNodeSpecs(testbed, new NonsenseSpec(SEED + 1));

      assertThat(taken).as("some of seed %d got past the API server", SEED).isPositive();
      awaitReasons(testbed);
      migration.awaitSucceeded();
      scene.assertMoved(boot);
      quiet.assertKept();
    }
  }

  /** How many the API server took: those are the operator's to refuse. */
  private static int sendMigrations(Testbed testbed, NonsenseSpec nonsense) {
    int taken = 0;
    for (int i = 0; i < STREAM; i++) {
      var object = JsonNodeFactory.instance.objectNode();
      object.put("apiVersion", "drover.dev/v1alpha1").put("kind", "LiveMigration");
      object.putObject("metadata").put("name", "nonsense-" + i);
      // Never the real guest: a spec that is valid by chance would move it.
      object.set("spec", nonsense.migration("no-such-machine"));
      if (isTaken(testbed.controlPlane().client(), MIGRATIONS, object)) {
        taken++;
      }
    }
    return taken;
  }

  private static boolean isTaken(KubernetesClient client, String path, ObjectNode object) {
    try {
      client.raw(path, "POST", NonsenseSpec.text(object));
      return true;
    } catch (KubernetesClientException e) {
      assertThat(e.getCode()).as("seed %d: %s", SEED, e.getMessage()).isBetween(400, 422);
      assertThat(e.getMessage()).isNotBlank();
      return false;
    }
  }

  private static void sendNodeSpecs(Testbed testbed, NonsenseSpec nonsense) {
    for (int i = 0; i < STREAM / 3; i++) {
      var patch = "{\"spec\":" + NonsenseSpec.text(nonsense.node()) + "}";
      var result =
          testbed
              .controlPlane()
              .kubectlWithInput(
                  patch,
                  "patch",
                  "hvn",
                  i % 2 == 0 ? "n1" : "n2",
                  "--type=merge",
                  "--patch-file=/dev/stdin");
      assertThat(result.succeeded() || !result.err().isBlank()).as("seed %d", SEED).isTrue();
      testbed.kubectl(
          "patch", "hvn", i % 2 == 0 ? "n1" : "n2", "--type=merge", "-p", "{\"spec\":null}");
    }
  }

  /** Whatever was taken ends, with a reason; or it waits for the time that it names. */
  private static void awaitReasons(Testbed testbed) {
    Waiting.until(
        "all nonsense of seed " + SEED + " has its answer",
        Migration.DEADLINE,
        () -> nonsense(testbed).allMatch(BadInputIT::isAnswered));
    assertThat(nonsense(testbed).filter(m -> m.getStatus().failure() != null))
        .allSatisfy(
            m ->
                assertThatCode(() -> Reason.valueOf(m.getStatus().failure().reason()))
                    .doesNotThrowAnyException());
    nonsense(testbed)
        .toList()
        .forEach(m -> testbed.kubectl("delete", "lmig", m.getMetadata().getName(), "--wait=false"));
  }

  private static boolean isAnswered(LiveMigration migration) {
    var status = migration.getStatus();
    return status != null
        && (status.phaseValue().isTerminal()
            || (status.queue() != null && migration.getSpec().notBefore() != null));
  }

  private static Stream<LiveMigration> nonsense(Testbed testbed) {
    return testbed
        .controlPlane()
        .client()
        .resources(LiveMigration.class)
        .inNamespace("default")
        .list()
        .getItems()
        .stream()
        .filter(m -> m.getMetadata().getName().startsWith("nonsense-"));
  }

  @Test
  void domainsWithNamesOfAllKindsAreSeenAndMoved(Testbed testbed) {
    var quiet = new Quiet(testbed);
    try (var scene = Scene.onSource(testbed, GuestSpec.named("plain"))) {
      var boot = scene.guest().bootId();
      var xml = scene.source().virsh("dumpxml", "--migratable", "plain").orThrow().out();
      var shared = UUID.randomUUID();
      List<Odd> all = new ArrayList<>();
      all.add(new Odd("вм ☃ \uD83D\uDC02", UUID.randomUUID(), "", scene.source()));
      all.add(new Odd("a;$(touch &#47;x)`id`&amp;&quot;'", UUID.randomUUID(), "", scene.source()));
      all.add(new Odd("..", UUID.randomUUID(), "", scene.source()));
      all.add(new Odd("-rf", UUID.randomUUID(), "", scene.source()));
      all.add(new Odd("x".repeat(240), UUID.randomUUID(), "", scene.source()));
      all.add(new Odd("Same_Name", UUID.randomUUID(), "", scene.source()));
      all.add(new Odd("same-name", UUID.randomUUID(), "", scene.target()));
      all.add(new Odd("twin-a", shared, "", scene.source()));
      all.add(new Odd("twin-b", shared, "", scene.target()));
      all.add(new Odd("stray", UUID.randomUUID(), "no-such-namespace", scene.source()));
      all.add(new Odd("climber", UUID.randomUUID(), "../kube-system", scene.source()));
      all.add(new Odd("intruder", UUID.randomUUID(), "kube-system\u00a0x", scene.source()));
      List<Odd> defined = all.stream().filter(odd -> odd.define(xml)).toList();
      assertThat(defined).as("libvirt took most of them").hasSizeGreaterThan(8);
      assertThat(entity(scene.source(), xml)).as("libvirt expands no entity").isFalse();

      for (Odd odd : defined) {
        if (!odd.namespace.equals("no-such-namespace")) {
          Waiting.until(
              "the cluster knows " + odd.name,
              Duration.ofMinutes(1),
              () ->
                  testbed
                      .kubectl("get", "dvm", "-A", "-o", "jsonpath={.items[*].spec.domainUuid}")
                      .out()
                      .contains(odd.uuid.toString()));
        }
      }
      assertThat(testbed.kubectl("get", "dvm", "-n", "kube-system", "-o", "name").out()).isEmpty();

      // One with the worst of names runs, and moves.
      var worst = defined.get(1);
      scene.source().virsh("start", worst.uuid.toString()).orThrow();
      var object = objectOf(testbed, worst.uuid);
      Migration.awaitSeen(testbed, object, "n1");
      Migration.apply(testbed, object, "target: {nodeName: n2}\n").awaitSucceeded();
      assertThat(scene.target().virsh("domstate", worst.uuid.toString()).out()).contains("running");
      assertThat(scene.source().virsh("domstate", worst.uuid.toString()).succeeded()).isFalse();

      scene.migrate("target: {nodeName: n2}\n").awaitSucceeded();
      scene.assertMoved(boot);
      quiet.assertKept();
    }
  }

  private static String objectOf(Testbed testbed, UUID uuid) {
    return testbed
        .kubectl(
            "get",
            "dvm",
            "-o",
            "jsonpath={.items[?(@.spec.domainUuid==\"" + uuid + "\")].metadata.name}")
        .out()
        .strip();
  }

  private static boolean entity(HypervisorHost host, String xml) {
    var attack =
        "<!DOCTYPE domain [<!ENTITY e SYSTEM \"file:///etc/hostname\">]>\n"
            + new Odd("leak-&e;", UUID.randomUUID(), "", host).in(xml);
    define(host, attack);
    return host.virsh("list", "--all", "--name").out().contains("leak-n");
  }

  private static boolean define(HypervisorHost host, String xml) {
    return Command.of(host.entering(List.of("virsh", "-q", "define", "/dev/stdin")))
        .withInput(xml)
        .run()
        .succeeded();
  }

  /** A domain with a name, or a namespace, that somebody thought up. */
  private record Odd(String name, UUID uuid, String namespace, HypervisorHost host) {

    String in(String xml) {
      return xml.replaceFirst(
              "<name>.*?</name>",
              java.util.regex.Matcher.quoteReplacement("<name>" + name + "</name>"))
          .replaceFirst("<uuid>.*?</uuid>", "<uuid>" + uuid + "</uuid>")
          .replaceFirst(
              "<memory ",
              namespace.isEmpty()
                  ? "<memory "
                  : "<metadata><drover:guest xmlns:drover=\"https://drover.dev/guest/1\" namespace=\""
                      + namespace
                      + "\"/></metadata><memory ");
    }

    boolean define(String xml) {
      return BadInputIT.define(host, in(xml));
    }
  }

  /** That nobody of ours was restarted, has logged an error, or has run what was in a name. */
  private static final class Quiet {
    private final Testbed testbed;
    private final long errorsBefore;

    Quiet(Testbed testbed) {
      this.testbed = testbed;
      this.errorsBefore = errors();
    }

    void assertKept() {
      assertThat(testbed.operator().running()).isTrue();
      assertThat(testbed.hosts()).allMatch(host -> host.daemon().running());
      assertThat(errors()).as("errors in our logs, seed %d", SEED).isEqualTo(errorsBefore);
      assertThat(testbed.hosts())
          .noneMatch(host -> host.exec("test", "-e", "/tmp/drover-pwned").succeeded())
          .noneMatch(host -> host.exec("test", "-e", "/x").succeeded());
      assertThat(Path.of("/tmp/drover-pwned")).doesNotExist();
    }

    private long errors() {
      return Stream.concat(
              Stream.of(testbed.operator().log()),
              testbed.hosts().stream().map(host -> host.daemon().log()))
          .flatMap(Quiet::lines)
          .filter(line -> line.contains("\"level\":\"ERROR\""))
          .count();
    }

    private static Stream<String> lines(Path log) {
      try {
        return Files.readAllLines(log).stream();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
