package dev.drover.faults;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.testbed.Testbed;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * A LiveMigration that is watched, so that a moment of it is met within milliseconds; it also gets
 * along without an API server.
 */
final class Request implements AutoCloseable {
  private static final String NAMESPACE = "default";
  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final Testbed testbed;
  private final String name;
  private final LinkedBlockingQueue<LiveMigrationStatus> seen = new LinkedBlockingQueue<>();
  private final SharedIndexInformer<LiveMigration> informer;
  private volatile LiveMigrationStatus latest = LiveMigrationStatus.builder().build();

  private Request(Testbed testbed, String name) {
    this.testbed = testbed;
    this.name = name;
    this.informer = resource().inform(new Handler());
  }

  /**
   * @param spec the rest of the spec in YAML
   */
  static Request apply(Testbed testbed, String virtualMachine, String spec) {
    var name = virtualMachine + "-" + NUMBER.incrementAndGet();
    var yaml =
        """
        apiVersion: drover.dev/v1alpha1
        kind: LiveMigration
        metadata:
          name: %s
          namespace: %s
        spec:
          virtualMachineName: %s
        """
            .formatted(name, NAMESPACE, virtualMachine);
    var migration = Serialization.unmarshal(yaml + spec.indent(2), LiveMigration.class);
    testbed.controlPlane().client().resource(migration).create();
    return new Request(testbed, name);
  }

  String name() {
    return name;
  }

  /** What was last seen of it. */
  LiveMigrationStatus latest() {
    return latest;
  }

  /** What it is now; empty while the API server can't say. */
  Optional<LiveMigrationStatus> status() {
    try {
      var status = Optional.ofNullable(resource().get()).map(LiveMigration::getStatus);
      status.ifPresent(s -> latest = s);
      return status;
    } catch (KubernetesClientException e) {
      return Optional.empty();
    }
  }

  /**
   * Returns the first status that the condition holds for; empty if the migration ended before, or
   * time is up.
   */
  Optional<LiveMigrationStatus> await(Predicate<LiveMigrationStatus> condition, Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      while (true) {
        var status = seen.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (status == null) {
          return Optional.empty();
        }
        if (condition.test(status)) {
          return Optional.of(status);
        }
        if (status.phaseValue().isTerminal()) {
          return Optional.empty();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** Changes the spec by a JSON merge patch; whether it was taken. */
  boolean patch(String json) {
    try {
      resource().patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":" + json + "}");
      return true;
    } catch (KubernetesClientException e) {
      return false;
    }
  }

  /** Has it deleted; {@link #isGone} tells when it is. */
  void delete() {
    resource().delete();
  }

  boolean isGone() {
    return resource().get() == null;
  }

  /** Lets it go whatever it waits for, as an admin would who knows better. */
  void removeFinalizers() {
    if (!isGone()) {
      resource()
          .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"metadata\":{\"finalizers\":null}}");
    }
  }

  /** Whether the cluster says that a VM is on that node, and nowhere else. */
  static boolean isSeen(Testbed testbed, String virtualMachine, String node) {
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
  }

  @Override
  public void close() {
    informer.stop();
  }

  private Resource<LiveMigration> resource() {
    return testbed
        .controlPlane()
        .client()
        .resources(LiveMigration.class)
        .inNamespace(NAMESPACE)
        .withName(name);
  }

  private final class Handler implements ResourceEventHandler<LiveMigration> {
    @Override
    public void onAdd(LiveMigration migration) {
      take(migration);
    }

    @Override
    public void onUpdate(LiveMigration before, LiveMigration migration) {
      take(migration);
    }

    @Override
    public void onDelete(LiveMigration migration, boolean finalStateUnknown) {
      take(migration);
    }

    private void take(LiveMigration migration) {
      if (migration.getStatus() != null) {
        latest = migration.getStatus();
        seen.add(migration.getStatus());
      }
    }
  }
}
