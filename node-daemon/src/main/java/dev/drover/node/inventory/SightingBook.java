package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.inventory.SightingPlan.Step;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * The plans of all domains of this host, shared by the thread that looks at the hypervisor and the
 * one that talks to the API server. Bounded by the number of domains: what is not written yet is a
 * difference, not an entry in a queue. Thread-safe.
 */
final class SightingBook {
  private final String nodeName;
  private final Map<UUID, SightingPlan> plans = new HashMap<>();
  private boolean seeded;
  private boolean completelyObserved;

  SightingBook(String nodeName) {
    this.nodeName = nodeName;
  }

  /** The hypervisor shows that domain (or has none of that UUID) since {@code at}. */
  synchronized void observe(UUID uuid, Optional<DomainState> domain, Instant at) {
    if (domain.isPresent()) {
      plan(uuid).observe(domain, at);
    } else {
      with(uuid, plan -> plan.observe(domain, at));
    }
  }

  /** The hypervisor shows these domains and no others. */
  synchronized void observeAll(Collection<DomainState> domains, Instant at) {
    var present = new HashSet<UUID>();
    for (var domain : domains) {
      present.add(domain.uuid());
      plan(domain.uuid()).observe(Optional.of(domain), at);
    }
    plans.forEach(
        (uuid, plan) -> {
          if (!present.contains(uuid)) {
            plan.observe(Optional.empty(), at);
          }
        });
    completelyObserved = true;
  }

  /**
   * What the API server has of this node from earlier. Nothing is written before, so that nothing
   * is written twice; what is not here any more is taken away.
   */
  synchronized void seed(Collection<VirtualMachines.Found> found, Instant now) {
    for (var object : found) {
      var plan = plan(object.uuid());
      plan.located(object.place(), object.own(), now);
      if (completelyObserved && !plan.isObserved()) {
        plan.observe(Optional.empty(), now);
      }
    }
    seeded = true;
  }

  synchronized boolean isSeeded() {
    return seeded;
  }

  synchronized void located(UUID uuid, Place place, Optional<Sighting> own, Instant now) {
    with(uuid, plan -> plan.located(place, own, now));
  }

  synchronized void missing(UUID uuid, Instant now) {
    with(uuid, plan -> plan.missing(now));
  }

  synchronized void lost(UUID uuid) {
    with(uuid, SightingPlan::lost);
  }

  synchronized void reported(UUID uuid, Optional<Sighting> sighting, Instant now) {
    with(uuid, plan -> plan.reported(sighting, now));
  }

  synchronized void refused(UUID uuid, Instant now) {
    with(uuid, plan -> plan.refused(now));
  }

  synchronized void nameAwaited(UUID uuid, Instant now) {
    with(uuid, plan -> plan.nameAwaited(now));
  }

  /** Any of the objects may be gone. */
  synchronized void lookAgain() {
    plans.values().forEach(SightingPlan::lookAgain);
  }

  /** How many domains of this host are in that state. */
  synchronized long count(State state) {
    return plans.values().stream().filter(p -> p.state().equals(Optional.of(state))).count();
  }

  /**
   * The most urgent step: reports before creations before look-ups, and among reports those of
   * guests that run. A {@link Step.Wait} of at most {@code longest} if nothing is due.
   */
  synchronized Step next(Instant now, Duration longest) {
    if (!seeded) {
      return new Step.Wait(longest);
    }
    Step best = new Step.Wait(longest);
    var done = new HashSet<UUID>();
    for (var plan : plans.values()) {
      var step = plan.next(now);
      if (step instanceof Step.Forget(var uuid)) {
        done.add(uuid);
      } else if (isMoreUrgent(step, best)) {
        best = step;
      }
    }
    plans.keySet().removeAll(done);
    return best;
  }

  private static boolean isMoreUrgent(Step step, Step other) {
    if (step instanceof Step.Wait(var wait) && other instanceof Step.Wait(var otherWait)) {
      return wait.compareTo(otherWait) < 0;
    }
    return rank(step) < rank(other);
  }

  private static int rank(Step step) {
    return switch (step) {
      case Step.Report report ->
          report.sighting().filter(s -> s.state() == State.Running).isPresent() ? 0 : 1;
      case Step.Create _ -> 2;
      case Step.Locate _ -> 3;
      case Step.Wait _ -> 4;
      case Step.Forget _ -> 5;
    };
  }

  private SightingPlan plan(UUID uuid) {
    return plans.computeIfAbsent(uuid, u -> new SightingPlan(u, nodeName));
  }

  private void with(UUID uuid, Consumer<SightingPlan> action) {
    var plan = plans.get(uuid);
    if (plan != null) {
      action.accept(plan);
    }
  }
}
