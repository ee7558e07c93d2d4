package dev.drover.operator.vm;

import static dev.drover.operator.migration.Facts.sighting;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.cluster.Cluster;
import dev.drover.operator.cluster.Wakeups;
import dev.drover.operator.migration.Facts;
import dev.drover.operator.status.StatusWriter;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What becomes of sightings as time goes by. The old host's goes a moment after the migration has
 * succeeded: that is no split brain.
 */
class VirtualMachineReconcilerTest {
  private final List<String> alarms = new ArrayList<>();
  private final List<VirtualMachineStatus> writes = new ArrayList<>();
  private final List<String> removed = new ArrayList<>();
  private final Set<String> givenUp = new HashSet<>();
  private final LiveMigration migration = migration();
  private Instant now = Facts.T0;

  private final Cluster cluster =
      new Cluster() {
        @Override
        public Optional<VirtualMachine> machine(String namespace, String name) {
          return Optional.empty();
        }

        @Override
        public Stream<VirtualMachine> machines() {
          return Stream.empty();
        }

        @Override
        public Stream<HypervisorNode> nodes() {
          return Stream.empty();
        }

        @Override
        public Stream<LiveMigration> migrations() {
          return Stream.of(migration);
        }

        @Override
        public boolean isGivenUp(String node) {
          return givenUp.contains(node);
        }

        @Override
        public Optional<Instant> lastHeartbeat(String node) {
          return Optional.empty();
        }
      };

  private final StatusWriter writer =
      new StatusWriter() {
        @Override
        public <T extends HasMetadata> Optional<T> apply(T fresh) {
          writes.add(((VirtualMachine) fresh).getStatus());
          return Optional.of(fresh);
        }
      };

  private final VirtualMachineReconciler reconciler =
      new VirtualMachineReconciler(
          cluster,
          writer,
          object -> removed.add(object.getMetadata().getName()),
          (object, type, reason, note, occurrence) -> alarms.add(reason.name()),
          () -> now,
          Duration.ofSeconds(15),
          null,
          new Wakeups(cluster));

  private static LiveMigration migration() {
    var migration = new LiveMigration();
    migration.setMetadata(new ObjectMetaBuilder().withNamespace("ns").withName("m").build());
    migration.setSpec(LiveMigrationSpec.builder("vm").build());
    return migration;
  }

  private void succeeded(Instant at) {
    migration.setStatus(
        LiveMigrationStatus.builder()
            .phase(Phase.Succeeded)
            .conditions(
                List.of(
                    Condition.of(
                        ConditionType.Succeeded, Condition.TRUE, Reason.Succeeded, "", at, 1L)))
            .build());
  }

  private Optional<Duration> see(Sighting... sightings) {
    var machine = Facts.machine("vm", List.of(sightings));
    machine.getMetadata().setNamespace("ns");
    return reconciler.advance(machine);
  }

  @Test
  void twoSightingsJustAfterSuccessAreLookedAtAgainWithoutAnAlarm() {
    succeeded(now);
    now = now.plusMillis(200);
    var again = see(sighting("hv1", State.Running), sighting("hv2", State.Running));
    assertThat(alarms).isEmpty();
    assertThat(writes).isEmpty();
    assertThat(again).isPresent();
  }

  @Test
  void twoSightingsThatStayAreASplitBrain() {
    succeeded(now);
    see(sighting("hv1", State.Running), sighting("hv2", State.Running));
    now = now.plus(VirtualMachineReconciler.SETTLED_AFTER).plusMillis(1);
    see(sighting("hv1", State.Running), sighting("hv2", State.Running));
    assertThat(alarms).containsExactly("SplitBrain");
  }

  @Test
  void withoutAMigrationTwoSightingsAreASplitBrainAtOnce() {
    succeeded(now.minusSeconds(60));
    see(sighting("hv1", State.Running), sighting("hv2", State.Running));
    assertThat(alarms).containsExactly("SplitBrain");
  }

  @Test
  void whatAHostSawThatIsGivenUpIsNoSecondCopy() {
    succeeded(now.minusSeconds(60));
    givenUp.add("hv1");
    see(sighting("hv1", State.Running), sighting("hv2", State.Running));
    assertThat(alarms).isEmpty();
    assertThat(writes.getLast().nodeName()).isEqualTo("hv2");
  }

  @Test
  void aMachineThatOnlyAHostSawThatIsGivenUpIsForgotten() {
    succeeded(now.minusSeconds(60));
    see(sighting("hv1", State.Running));
    now = now.plus(VirtualMachineReconciler.REMOVED_AFTER);
    see(sighting("hv1", State.Running));
    assertThat(removed).isEmpty();

    givenUp.add("hv1");
    see(sighting("hv1", State.Running));
    assertThat(writes.getLast().nodeName()).isNull();
    now = now.plus(VirtualMachineReconciler.REMOVED_AFTER);
    see(sighting("hv1", State.Running));
    assertThat(removed).containsExactly("vm");
  }
}
