package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.inventory.SightingPlan.Step;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever happens, in whatever order: in the end the API server has what the host shows. */
class SightingPlanProperties {
  private static final UUID VM = UUID.fromString("6d8a2b1e-0000-4000-8000-000000000001");

  /** What happens next; the writer gets to work {@code steps} times before it, with what luck. */
  record Happening(Optional<Run> run, int milliseconds, int steps, int luck) {}

  @Property(tries = 2000)
  void converges(@ForAll("stories") List<Happening> story) {
    var plan = new SightingPlan(VM, "host-a");
    var server = new Server();
    var now = Instant.parse("2026-11-23T10:00:00Z");
    for (var happening : story) {
      now = now.plusMillis(happening.milliseconds());
      plan.observe(
          happening.run().map(r -> FakeHypervisor.in(FakeHypervisor.running(VM, "web"), r, "x")),
          now);
      for (int i = 0; i < happening.steps(); i++) {
        server.carryOut(plan, now, happening.luck() + i);
      }
    }
    // A removal behind the plan's back is noticed when the object is confirmed the next time.
    for (long i = 0; i < SightingPlan.CONFIRM_AFTER.toSeconds() + 60; i++) {
      now = now.plusSeconds(1);
      server.carryOut(plan, now, Server.GOOD_LUCK);
    }

    assertThat(server.own.map(Sighting::state)).isEqualTo(plan.state());
    if (plan.state().isPresent()) {
      assertThat(server.exists).isTrue();
    }
  }

  @Provide
  static Arbitrary<List<Happening>> stories() {
    var runs = Arbitraries.of(Run.class).optional(0.8);
    return Combinators.combine(
            runs,
            Arbitraries.integers().between(0, 15_000),
            Arbitraries.integers().between(0, 4),
            Arbitraries.integers().between(0, 9))
        .as(Happening::new)
        .list()
        .ofMaxSize(25);
  }

  /** One object, which is sometimes removed behind the plan's back, or refused. */
  private static final class Server {
    static final int GOOD_LUCK = 9;
    boolean exists;
    int generation;
    Optional<Sighting> own = Optional.empty();

    void carryOut(SightingPlan plan, Instant now, int luck) {
      if (luck == 0) {
        exists = false;
        own = Optional.empty();
      }
      var step = plan.next(now);
      if (luck == 1 && !(step instanceof Step.Wait)) {
        plan.refused(now);
        return;
      }
      switch (step) {
        case Step.Locate _ -> {
          if (exists) {
            plan.located(place(), own, now);
          } else {
            plan.missing(now);
          }
        }
        case Step.Create _ -> {
          exists = true;
          generation++;
          plan.located(place(), own, now);
        }
        case Step.Report report -> {
          if (exists && report.place().equals(place())) {
            own = report.sighting();
            plan.reported(own, now);
          } else {
            plan.lost();
          }
        }
        case Step.Wait _ -> {}
        case Step.Forget _ ->
            assertThat(own.map(Sighting::state)).isEqualTo(Optional.<State>empty());
      }
    }

    private Place place() {
      return new Place("default", "web", "uid-" + generation);
    }
  }
}
