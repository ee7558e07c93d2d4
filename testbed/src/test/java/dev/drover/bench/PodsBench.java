package dev.drover.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.cluster.OperatorProcess;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.ProcessMemory;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * What Drover's pods need on a node: until they work, and in memory. Run it by {@code ./test bench
 * -Dtest=PodsBench}; the figures are in docs/reference/performance.md.
 */
@Tag("bench")
@DroverTestbed(nodes = true)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PodsBench {
  private static final int RUNS = 10;
  private static final int GUESTS = 50;
  private static final int DAEMON_PORT = 9810;
  private static final String OPERATOR_MAIN = "dev.drover.operator.OperatorMain";
  private static final String DAEMON_MAIN = "dev.drover.node.DaemonMain";
  private static final Duration DEADLINE = Duration.ofMinutes(3);

  /** From the start of the only operator's process until it holds the Lease. */
  @Test
  @Order(1)
  void anOperatorLeads(Testbed testbed) {
    try {
      List<Long> milliseconds = new ArrayList<>();
      for (int i = 0; i < RUNS; i++) {
        // The one before has gone, and given the Lease back: how long it takes to that is its own.
        scale(testbed, 0);
        var before = pids(testbed.hosts(), OPERATOR_MAIN);
        var led = lease(testbed).getSpec().getHolderIdentity();
        kubectl(testbed, "scale", "deployment/drover-operator", "--replicas=1");
        var started = startOfAnother(testbed.hosts(), OPERATOR_MAIN, before);
        Waiting.until(
            "another operator leads",
            DEADLINE,
            () -> {
              var holder = lease(testbed).getSpec().getHolderIdentity();
              return holder != null && !holder.isEmpty() && !holder.equals(led);
            });
        milliseconds.add(
            Duration.between(started, lease(testbed).getSpec().getAcquireTime().toInstant())
                .toMillis());
        testbed.release().awaitRollout();
      }
      report("operator: start of its process to leader", milliseconds, "ms");
    } finally {
      scale(testbed, 2);
    }
  }

  /** From the start of a daemon's process until it says that it is ready. */
  @Test
  @Order(2)
  void aDaemonIsReady(Testbed testbed) throws Exception {
    var host = testbed.host("n1");
    List<Long> milliseconds = new ArrayList<>();
    for (int i = 0; i < RUNS; i++) {
      var before = pids(List.of(host), DAEMON_MAIN);
      deletePods(
          testbed,
          "-l",
          "app.kubernetes.io/name=drover-node-daemon",
          "--field-selector=spec.nodeName=" + host.name());
      var started = startOfAnother(List.of(host), DAEMON_MAIN, before);
      milliseconds.add(Duration.between(started, readySince(host)).toMillis());
      testbed.release().awaitRollout();
    }
    report("daemon: start of its process to /readyz", milliseconds, "ms");
  }

  /** Fifty guests that hold still: QEMU processes, domains and VirtualMachines as of any others. */
  @Test
  @Order(3)
  void aDaemonWithManyGuests(Testbed testbed) throws Exception {
    var host = testbed.host("n1");
    report("daemon: resident, no guest", resident(host), "MiB");
    List<Guest> guests = new ArrayList<>();
    try {
      for (int i = 0; i < GUESTS; i++) {
        var guest = testbed.guest(GuestSpec.named("vm-" + i).withMemoryMib(64).startingPaused());
        guests.add(guest);
        guest.start(host);
      }
      Waiting.until(
          "all guests are seen",
          DEADLINE,
          () ->
              testbed
                      .controlPlane()
                      .client()
                      .resources(VirtualMachine.class)
                      .inNamespace("default")
                      .list()
                      .getItems()
                      .stream()
                      .filter(vm -> vm.getStatus() != null)
                      .filter(vm -> host.name().equals(vm.getStatus().nodeName()))
                      .count()
                  == GUESTS);
      List<Long> resident = new ArrayList<>();
      for (int i = 0; i < RUNS; i++) {
        resident.addAll(resident(host));
        Thread.sleep(Duration.ofSeconds(6)); // a measurement over a minute, not a wait
      }
      report("daemon: resident, " + GUESTS + " guests", resident, "MiB");
      assertThat(guests).hasSize(GUESTS);
    } finally {
      guests.forEach(Guest::close);
    }
  }

  private static List<Long> resident(HypervisorHost host) {
    return pids(List.of(host), DAEMON_MAIN).stream()
        .map(pid -> ProcessMemory.residentKib(pid) >> 10)
        .toList();
  }

  /** When it answered well first, to 10 ms. */
  private static Instant readySince(HypervisorHost host) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create("http://" + host.ip() + ":" + DAEMON_PORT + "/readyz"))
            .timeout(Duration.ofSeconds(1))
            .build();
    var deadline = Instant.now().plus(DEADLINE);
    try (var client = HttpClient.newBuilder().connectTimeout(Duration.ofMillis(500)).build()) {
      while (Instant.now().isBefore(deadline)) {
        try {
          if (client.send(request, BodyHandlers.discarding()).statusCode() == 200) {
            return Instant.now();
          }
        } catch (IOException e) {
          // It does not listen yet.
        }
        Thread.sleep(10);
      }
    }
    throw new AssertionError("the daemon of " + host.name() + " is not ready");
  }

  private static Instant startOfAnother(
      List<HypervisorHost> hosts, String mainClass, Set<Long> before) {
    Waiting.until(
        "another process of " + mainClass,
        DEADLINE,
        () -> pids(hosts, mainClass).stream().anyMatch(pid -> !before.contains(pid)));
    return pids(hosts, mainClass).stream()
        .filter(pid -> !before.contains(pid))
        .map(pid -> ProcessHandle.of(pid).flatMap(p -> p.info().startInstant()))
        .flatMap(Optional::stream)
        .findFirst()
        .orElseThrow();
  }

  private static Set<Long> pids(List<HypervisorHost> hosts, String mainClass) {
    return hosts.stream()
        .flatMap(host -> host.processesAndPods(mainClass).stream())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Lease lease(Testbed testbed) {
    return Objects.requireNonNull(
        testbed
            .controlPlane()
            .client()
            .leases()
            .inNamespace(OperatorProcess.NAMESPACE)
            .withName("drover-operator")
            .get());
  }

  private static void scale(Testbed testbed, int replicas) {
    kubectl(testbed, "scale", "deployment/drover-operator", "--replicas=" + replicas);
    testbed.release().awaitRollout();
  }

  private static void deletePods(Testbed testbed, String... selectors) {
    List<String> command = new ArrayList<>(List.of("delete", "pods", "--wait=false"));
    command.addAll(List.of(selectors));
    kubectl(testbed, command.toArray(String[]::new));
  }

  private static void kubectl(Testbed testbed, String... arguments) {
    List<String> command = new ArrayList<>(List.of("-n", OperatorProcess.NAMESPACE));
    command.addAll(List.of(arguments));
    testbed.kubectl(command.toArray(String[]::new)).orThrow();
  }

  private static void report(String what, List<Long> values, String unit) {
    var sorted = values.stream().sorted().toList();
    System.out.printf(
        "bench: %s: median %d %s, most %d %s, n = %d %s%n",
        what, sorted.get(sorted.size() / 2), unit, sorted.getLast(), unit, sorted.size(), values);
  }
}
