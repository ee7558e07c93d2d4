package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** From an event of the hypervisor to a write to the API server, without threads. */
class SightingsTest {
  private static final UUID A = UUID.fromString("aaaaaaaa-0000-4000-8000-000000000001");
  private static final UUID B = UUID.fromString("bbbbbbbb-0000-4000-8000-000000000002");

  private final ManualClock clock = new ManualClock();
  private final FakeHypervisor hypervisor = new FakeHypervisor(clock);
  private final RecordedVirtualMachines api = new RecordedVirtualMachines();
  private final SightingBook book = new SightingBook("host-a");
  private final NodePlan node = new NodePlan("192.0.2.1");
  private final SightingWriter writer = new SightingWriter(book, api, "default", clock);
  private final Observer observer =
      new Observer(
          hypervisor,
          book,
          node,
          new Observer.Changes() {
            @Override
            public void sightings() {}

            @Override
            public void node() {}
          },
          Duration.ofSeconds(30),
          clock,
          () -> {});

  SightingsTest() {
    hypervisor.subscribe(observer);
  }

  private Duration rounds() {
    observer.round();
    return writer.round(() -> true);
  }

  private void later(Duration duration) {
    clock.advance(duration);
    rounds();
  }

  private static Optional<Sighting> running(String since) {
    return Optional.of(new Sighting("host-a", State.Running, "booted", true, 1L << 30, 2, since));
  }

  @Test
  void everyDomainBecomesAVirtualMachine() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    hypervisor.put(FakeHypervisor.in(FakeHypervisor.running(B, "db"), Run.ShutOff, "shutdown"));
    rounds();
    later(Duration.ofSeconds(1));

    assertThat(api.writes)
        .containsExactlyInAnyOrder(
            "create default/web", "default/web Running", "create default/db", "default/db ShutOff");
  }

  @Test
  void idleHostsWriteNothing() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    for (int i = 0; i < 120; i++) {
      later(Duration.ofSeconds(10));
    }

    assertThat(api.writes).isEmpty();
  }

  @Test
  void aNameThatIsTakenGetsTheUuidAdded() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    hypervisor.put(FakeHypervisor.running(B, "Web"));
    rounds();

    assertThat(api.objects.keySet()).hasSize(2).contains("default/web");
    assertThat(api.objects.keySet())
        .anyMatch(k -> k.equals("default/web-aaaaaaaa") || k.equals("default/web-bbbbbbbb"));
  }

  @Test
  void aDomainThatIsDefinedAnewGetsItsNameOnceTheOldOneIsForgotten() {
    api.put("default", "web", A, Optional.empty());
    api.soonFree.add("default/web");
    hypervisor.put(FakeHypervisor.running(B, "web"));
    rounds();
    later(Duration.ofSeconds(30));
    assertThat(api.writes).isEmpty();

    api.objects.remove("default/web");
    later(SightingPlan.NAME_ASKED_FOR_EACH);

    assertThat(api.writes).containsExactly("create default/web", "default/web Running");
  }

  @Test
  void aNameThatIsNeverFreedIsNotWaitedForAnyLonger() {
    api.put("default", "web", A, Optional.empty());
    api.soonFree.add("default/web");
    hypervisor.put(FakeHypervisor.running(B, "web"));
    rounds();
    later(SightingPlan.NAME_IS_FREE_AFTER);

    assertThat(api.writes)
        .containsExactly("create default/web-bbbbbbbb", "default/web-bbbbbbbb Running");
  }

  @Test
  void anObjectMadeElsewhereUnderAnotherNameIsUsed() {
    api.put("team-a", "shop-frontend", A, Optional.empty());
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();

    assertThat(api.writes).containsExactly("team-a/shop-frontend Running");
  }

  @Test
  void theMetadataSaysTheNamespace() {
    api.namespaces.add("team-a");
    hypervisor.put(new DomainState(A, "web", Run.Running, "booted", true, 1, 1, "team-a"));
    hypervisor.put(
        new DomainState(B, "db", Run.Running, "booted", true, 1, 1, "no-such-namespace"));
    rounds();

    assertThat(api.objects.keySet()).containsExactlyInAnyOrder("team-a/web", "default/db");
  }

  @Test
  void aMigrationAwayCostsOneWriteHere() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    hypervisor.become(A, Run.PausedForMigration, "migration", DomainEvent.SuspendedForMigration);
    later(Duration.ofMillis(40));
    hypervisor.become(A, Run.ShutOff, "migrated", DomainEvent.StoppedMigrated);
    later(Duration.ofMillis(40));
    hypervisor.remove(A, DomainEvent.Undefined);
    later(Duration.ofMillis(10));
    later(Duration.ofSeconds(1));
    later(Duration.ofSeconds(30));

    assertThat(api.writes).containsExactly("default/web absent");
  }

  @Test
  void anArrivalOfAKnownGuestIsOneWriteAndNoLookUpWhenItCounts() {
    api.put("default", "web", A, Optional.empty());
    rounds();
    var arriving =
        FakeHypervisor.in(FakeHypervisor.running(A, "web"), Run.PausedForMigration, "migration");
    hypervisor.put(arriving, DomainEvent.Started);
    later(Duration.ofSeconds(2));
    assertThat(api.writes).isEmpty();
    int readsBefore = api.reads;
    int listsBefore = hypervisor.lookUps("domains");

    hypervisor.become(A, Run.Running, "migrated", DomainEvent.Resumed);
    rounds();

    assertThat(api.writes).containsExactly("default/web Running");
    assertThat(api.reads).isEqualTo(readsBefore);
    assertThat(hypervisor.lookUps("domains")).isEqualTo(listsBefore);
  }

  @Test
  void theStartTakesAwayWhatIsNotHereAnyMore() {
    api.put("default", "gone", A, running("2026-11-01T00:00:00Z"));
    api.put("default", "here", B, running("2026-11-01T00:00:00Z"));
    hypervisor.put(FakeHypervisor.running(B, "here"));
    rounds();
    later(Duration.ofSeconds(1));

    assertThat(api.writes).containsExactly("default/gone absent");
  }

  @Test
  void theStartTakesAwayNothingWhileLibvirtIsAway() {
    api.put("default", "web", A, running("2026-11-01T00:00:00Z"));
    hypervisor.setConnected(false);
    rounds();
    later(Duration.ofMinutes(20));

    assertThat(api.writes).isEmpty();
    hypervisor.setConnected(true);
    rounds();
    later(Duration.ofSeconds(1));
    assertThat(api.writes).containsExactly("default/web absent");
  }

  @Test
  void whatIsSeenStaysSaidWhileLibvirtIsAway() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    hypervisor.setConnected(false);
    later(Duration.ofMinutes(1));
    later(Duration.ofMinutes(1));

    assertThat(api.writes).isEmpty();
  }

  @Test
  void nothingIsLostWhileTheApiServerIsAway() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    api.failure = RecordedVirtualMachines.away();
    hypervisor.become(A, Run.Paused, "user", DomainEvent.Suspended);
    observer.round();
    clock.advance(SightingState.HELD);
    assertThat(rounds()).isEqualTo(Duration.ofMillis(500));
    hypervisor.put(FakeHypervisor.running(B, "db"), DomainEvent.Started);
    assertThat(rounds()).isEqualTo(Duration.ofSeconds(1));
    hypervisor.become(A, Run.Running, "unpaused", DomainEvent.Resumed);
    hypervisor.become(A, Run.Paused, "user", DomainEvent.Suspended);
    for (int i = 0; i < 10; i++) {
      assertThat(rounds()).isLessThanOrEqualTo(Duration.ofSeconds(5));
    }

    api.failure = null;
    later(SightingState.HELD);

    assertThat(api.writes)
        .containsExactlyInAnyOrder("default/web Paused", "create default/db", "default/db Running");
  }

  @Test
  void aRefusalOfOneDomainDoesNotHoldUpTheOthers() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    api.failure = RecordedVirtualMachines.refused();
    hypervisor.become(A, Run.Paused, "user", DomainEvent.Suspended);
    rounds();
    api.failure = null;
    hypervisor.put(FakeHypervisor.running(B, "db"), DomainEvent.Started);
    rounds();
    assertThat(api.writes).containsExactly("create default/db", "default/db Running");

    later(Duration.ofSeconds(1));

    assertThat(api.writes).contains("default/web Paused");
  }

  @Test
  void anObjectThatWasReplacedByAnotherDomainsIsLeftAlone() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    api.objects.clear();
    api.put("default", "web", B, Optional.empty());

    hypervisor.become(A, Run.Paused, "user", DomainEvent.Suspended);
    rounds();
    later(SightingState.HELD);

    assertThat(api.writes)
        .containsExactly("create default/web-aaaaaaaa", "default/web-aaaaaaaa Paused");
  }

  @Test
  void anObjectThatWasDeletedComesBack() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    api.objects.clear();
    later(SightingPlan.CONFIRM_AFTER);

    assertThat(api.writes).containsExactly("create default/web", "default/web Running");
  }

  @Test
  void aLookUpThatFailsIsRepeated() {
    hypervisor.put(FakeHypervisor.running(A, "web"));
    rounds();
    api.writes.clear();
    hypervisor.fail(
        "domain", new HypervisorException(HypervisorException.Kind.Timeout, -1, "too slow"));
    hypervisor.become(A, Run.Paused, "user", DomainEvent.Suspended);
    assertThat(observer.round()).isEqualTo(Observer.RETRY);

    rounds();
    later(SightingState.HELD);

    assertThat(api.writes).containsExactly("default/web Paused");
  }
}
