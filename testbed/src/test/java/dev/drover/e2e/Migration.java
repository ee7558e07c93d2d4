package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** A LiveMigration as a person deals with it: applied by kubectl, watched by its status. */
final class Migration {
  static final String NAMESPACE = "default";

  /** Emulated guests on two busy cores; a migration that takes this long is stuck. */
  static final Duration DEADLINE = Duration.ofMinutes(4);

  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final Testbed testbed;
  private final String name;

  private Migration(Testbed testbed, String name) {
    this.testbed = testbed;
    this.name = name;
  }

  /** Applies a migration of that VM; {@code spec} is the rest of the spec in YAML. */
  static Migration apply(Testbed testbed, String virtualMachine, String spec) {
    var name = virtualMachine + "-" + NUMBER.incrementAndGet();
    var result =
        testbed
            .controlPlane()
            .kubectlWithInput(
                """
                apiVersion: drover.dev/v1alpha1
                kind: LiveMigration
                metadata:
                  name: %s
                  namespace: %s
                spec:
                  virtualMachineName: %s
                """
                        .formatted(name, NAMESPACE, virtualMachine)
                    + spec.indent(2),
                "apply",
                "-f",
                "-");
    assertThat(result.exitCode()).as(result.err()).isZero();
    return new Migration(testbed, name);
  }

  /**
   * Waits until the cluster knows that the VM is on that node, as anybody would before moving it.
   */
  static void awaitSeen(Testbed testbed, String virtualMachine, String node) {
    Waiting.until(
        virtualMachine + " is seen on " + node,
        DEADLINE,
        () -> {
          var vm =
              testbed
                  .controlPlane()
                  .client()
                  .resources(VirtualMachine.class)
                  .inNamespace(NAMESPACE)
                  .withName(virtualMachine)
                  .get();
          return vm != null
              && vm.getStatus() != null
              && node.equals(vm.getStatus().nodeName())
              && vm.getStatus().sightingsOrEmpty().stream()
                  .filter(
                      s ->
                          s.state() == VirtualMachineStatus.State.Running
                              || s.state() == VirtualMachineStatus.State.Paused)
                  .allMatch(s -> s.nodeName().equals(node));
        });
  }

  /** What is at that path in the VirtualMachine; empty also if there is none. */
  static String machine(Testbed testbed, String virtualMachine, String path) {
    return testbed
        .kubectl(
            "-n",
            NAMESPACE,
            "get",
            "dvm",
            virtualMachine,
            "--ignore-not-found",
            "-o",
            "jsonpath=" + path)
        .out();
  }

  /** The status of that condition of the VirtualMachine. */
  static String machineCondition(Testbed testbed, String virtualMachine, ConditionType type) {
    return machine(
        testbed, virtualMachine, "{.status.conditions[?(@.type==\"%s\")].status}".formatted(type));
  }

  /** Waits until the cluster knows that the VM is shut off on that node. */
  static void awaitSeenShutOff(Testbed testbed, String virtualMachine, String node) {
    Waiting.until(
        virtualMachine + " is seen shut off on " + node,
        DEADLINE,
        () -> {
          var vm =
              testbed
                  .controlPlane()
                  .client()
                  .resources(VirtualMachine.class)
                  .inNamespace(NAMESPACE)
                  .withName(virtualMachine)
                  .get();
          return vm != null
              && vm.getStatus() != null
              && vm.getStatus().sightingsOrEmpty().stream()
                  .anyMatch(
                      s ->
                          s.nodeName().equals(node)
                              && s.state() == VirtualMachineStatus.State.ShutOff);
        });
  }

  String name() {
    return name;
  }

  Optional<LiveMigration> object() {
    return Optional.ofNullable(
        testbed
            .controlPlane()
            .client()
            .resources(LiveMigration.class)
            .inNamespace(NAMESPACE)
            .withName(name)
            .get());
  }

  LiveMigrationStatus status() {
    return object()
        .map(LiveMigration::getStatus)
        .orElseGet(() -> LiveMigrationStatus.builder().build());
  }

  Phase phase() {
    return status().phaseValue();
  }

  /** Waits until it holds, or until nothing will change any more. */
  Migration await(String what, Predicate<LiveMigrationStatus> condition) {
    var holds = new AtomicBoolean();
    try {
      Waiting.until(
          name + ": " + what,
          DEADLINE,
          () -> {
            var status = status();
            holds.set(condition.test(status));
            return holds.get() || status.phaseValue().isTerminal();
          });
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(name + ": " + what + "; it is " + status(), e);
    }
    assertThat(holds).as("%s: %s; it is %s", name, what, status()).isTrue();
    return this;
  }

  Migration awaitPhase(Phase... phases) {
    return await(
        "phase is one of " + Arrays.toString(phases),
        s -> Arrays.asList(phases).contains(s.phaseValue()));
  }

  /** It is in that phase, or was too fast to be seen in it. */
  Migration awaitReached(Phase phase) {
    return await(
        "has reached " + phase,
        s ->
            s.phaseValue() == phase
                || s.phaseValue().isTerminal()
                || (s.phases() != null
                    && s.phases().stream().anyMatch(p -> p.phase().equals(phase.name()))));
  }

  LiveMigrationStatus awaitEnd() {
    await("has ended", s -> s.phaseValue().isTerminal());
    return status();
  }

  LiveMigrationStatus awaitSucceeded() {
    var status = awaitEnd();
    assertThat(status.phaseValue()).as("%s", status.failure()).isEqualTo(Phase.Succeeded);
    return status;
  }

  LiveMigrationStatus awaitFailed(Reason reason) {
    var status = awaitEnd();
    assertThat(status.phaseValue()).as("%s", status).isEqualTo(Phase.Failed);
    assertThat(status.failure().reason()).isEqualTo(reason.name());
    assertThat(status.failure().message()).isNotBlank();
    return status;
  }

  /** While memory (not disks) is being sent. */
  Migration awaitMemoryCopy() {
    return await(
        "sends memory",
        s ->
            s.progress() != null
                && s.progress().memoryProcessedBytes() > 0
                && s.phaseValue() == Phase.PreCopy);
  }

  /** While disks are being copied. */
  Migration awaitDiskCopy() {
    return await(
        "copies disks",
        s ->
            s.progress() != null
                && s.progress().diskProcessedBytes() > 0
                && s.progress().memoryProcessedBytes() == 0
                && s.phaseValue() == Phase.PreCopy);
  }

  /** Changes the spec, as a person would: a JSON merge patch. Returns what kubectl said. */
  Command.Result patchSpec(String json) {
    return testbed
        .controlPlane()
        .kubectl(
            "-n",
            NAMESPACE,
            "patch",
            "lmig",
            name,
            "--type=merge",
            "-p",
            "{\"spec\":" + json + "}");
  }

  void delete() {
    var result =
        testbed.controlPlane().kubectl("-n", NAMESPACE, "delete", "lmig", name, "--wait=false");
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  void awaitGone() {
    Waiting.until(name + " is gone", DEADLINE, () -> object().isEmpty());
  }
}
