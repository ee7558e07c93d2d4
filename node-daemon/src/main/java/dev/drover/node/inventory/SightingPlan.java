package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.Text;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.node.hypervisor.DomainState;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One domain: what this host shows of it, what the API server was told, and what follows from the
 * difference. Pure: time is handed in, and whoever asks carries out the {@link Step}. Not
 * thread-safe.
 */
final class SightingPlan {
  /**
   * How often an object is looked at although nothing has changed: somebody may have removed it.
   */
  static final Duration CONFIRM_AFTER = Duration.ofMinutes(10);

  /** A change of memory, reason or the like, without one of state. */
  static final Duration DETAILS = Duration.ofSeconds(10);

  /**
   * How long a domain waits for the name of one that no host sees any more: as long as the operator
   * takes to forget that one, and some.
   */
  static final Duration NAME_IS_FREE_AFTER = Duration.ofSeconds(90);

  static final Duration NAME_ASKED_FOR_EACH = Duration.ofSeconds(5);

  static final Backoff REFUSED = new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(60));

  /** What is to be done next. */
  sealed interface Step {

    /** Find the object by the domain's UUID. Costs no write, so it is done ahead of time. */
    record Locate(UUID uuid) implements Step {}

    /**
     * There is no object: make one. While {@code patient}, a name that will be free soon is better
     * than another one.
     */
    record Create(UUID uuid, DomainState domain, boolean patient) implements Step {}

    /** Apply the sighting; empty takes the own entry away. */
    record Report(UUID uuid, Place place, Optional<Sighting> sighting) implements Step {}

    /** Nothing, for that long. */
    record Wait(Duration delay) implements Step {}

    /** Never again: the domain is gone, and nobody believes otherwise. */
    record Forget(UUID uuid) implements Step {}
  }

  private record Seen(Optional<DomainState> domain, Optional<State> state, Instant since) {}

  private record Failure(int count, Due retry) {}

  private final UUID uuid;
  private final String nodeName;
  private @Nullable Seen seen;
  private @Nullable Instant detailsChanged;
  private Optional<Sighting> written = Optional.empty();
  private Optional<Place> place = Optional.empty();
  private @Nullable Instant confirmed;
  private @Nullable Failure failure;
  private @Nullable Instant nameAwaitedSince;

  SightingPlan(UUID uuid, String nodeName) {
    this.uuid = uuid;
    this.nodeName = nodeName;
  }

  /** The hypervisor shows that domain (or has none), as it has been since {@code at}. */
  void observe(Optional<DomainState> domain, Instant at) {
    var before = seen == null ? written.map(Sighting::state) : seen.state();
    var state = domain.map(d -> SightingState.of(d.run(), before));
    if (seen != null && seen.state().equals(state)) {
      if (!seen.domain().equals(domain)) {
        seen = new Seen(domain, state, seen.since());
        detailsChanged = detailsChanged == null ? at : detailsChanged;
      }
      return;
    }
    seen = new Seen(domain, state, at);
    detailsChanged = null;
    failure = null; // what was refused before may be accepted of the new state
  }

  /** The API server has that object for the domain, with that sighting of this node in it. */
  void located(Place found, Optional<Sighting> own, Instant now) {
    if (seen != null && written.isEmpty() && own.isPresent()) {
      correctDirection(seen, own.get());
    }
    place = Optional.of(found);
    written = own;
    confirmed = now;
    failure = null;
  }

  /** This process has started in the middle of a switchover: what it took for an arrival leaves. */
  private void correctDirection(Seen current, Sighting own) {
    if (current.domain().isPresent() && current.state().equals(Optional.of(State.Incoming))) {
      var state = SightingState.of(current.domain().get().run(), Optional.of(own.state()));
      seen = new Seen(current.domain(), Optional.of(state), current.since());
    }
  }

  /** The API server has no object for the domain (any more). */
  void missing(Instant now) {
    place = Optional.empty();
    written = Optional.empty();
    confirmed = now;
    failure = null;
  }

  /** The object is not what it was: look again. */
  void lost() {
    place = Optional.empty();
    written = Optional.empty();
    confirmed = null;
  }

  /** Whether the object is still there is to be asked. */
  void lookAgain() {
    confirmed = null;
  }

  void reported(Optional<Sighting> sighting, Instant now) {
    written = sighting;
    detailsChanged = null;
    confirmed = now;
    failure = null;
  }

  /** The API server refuses to do what was asked last; it is asked again, more and more seldom. */
  void refused(Instant now) {
    int count = failure == null ? 1 : failure.count() + 1;
    failure = new Failure(count, new Due(now, REFUSED.after(count)));
    // An object that is not as expected explains many a refusal.
    confirmed = null;
  }

  /** Its name is another domain's that no host sees any more: it is asked for again. */
  void nameAwaited(Instant now) {
    nameAwaitedSince = nameAwaitedSince == null ? now : nameAwaitedSince;
    failure = new Failure(0, new Due(now, NAME_ASKED_FOR_EACH));
  }

  Optional<State> state() {
    return seen == null ? Optional.empty() : seen.state();
  }

  boolean isObserved() {
    return seen != null;
  }

  /** What is to be done now; of steps that are not due, how long they aren't. */
  Step next(Instant now) {
    if (seen == null) {
      return new Step.Wait(CONFIRM_AFTER);
    }
    if (failure != null && !failure.retry().remaining(now).isZero()) {
      return new Step.Wait(failure.retry().remaining(now));
    }
    return seen.domain().isPresent()
        ? nextOfPresent(seen, seen.domain().get(), now)
        : nextOfAbsent(seen, now);
  }

  private Step nextOfPresent(Seen current, DomainState domain, Instant now) {
    if (confirmed == null || new Due(confirmed, CONFIRM_AFTER).remaining(now).isZero()) {
      return new Step.Locate(uuid);
    }
    var desired = sighting(current, domain);
    if (written.equals(Optional.of(desired))) {
      return new Step.Wait(new Due(confirmed, CONFIRM_AFTER).remaining(now));
    }
    var due = due(current, desired).remaining(now);
    if (!due.isZero()) {
      return new Step.Wait(due);
    }
    return place.isPresent()
        ? new Step.Report(uuid, place.get(), Optional.of(desired))
        : new Step.Create(uuid, domain, isPatient(now));
  }

  private boolean isPatient(Instant now) {
    return nameAwaitedSince == null
        || !new Due(nameAwaitedSince, NAME_IS_FREE_AFTER).remaining(now).isZero();
  }

  private Step nextOfAbsent(Seen current, Instant now) {
    if (written.isEmpty()) {
      return new Step.Forget(uuid);
    }
    var due = new Due(current.since(), SightingState.settling(Optional.empty())).remaining(now);
    if (!due.isZero()) {
      return new Step.Wait(due);
    }
    return place
        .<Step>map(p -> new Step.Report(uuid, p, Optional.empty()))
        .orElseGet(() -> new Step.Locate(uuid));
  }

  private Due due(Seen current, Sighting desired) {
    boolean stateIsWritten = written.map(Sighting::state).equals(Optional.of(desired.state()));
    if (stateIsWritten) {
      return new Due(detailsChanged == null ? current.since() : detailsChanged, DETAILS);
    }
    // A guest that left and comes back before its leaving was written: nobody may go on reading
    // that it runs here.
    boolean contradicts =
        desired.state() == State.Incoming
            && written.map(Sighting::state).filter(SightingState::isComplete).isPresent();
    return new Due(
        current.since(),
        contradicts ? SightingState.LEAVING : SightingState.settling(current.state()));
  }

  private Sighting sighting(Seen current, DomainState domain) {
    var state = current.state().orElse(State.Other);
    // What the API server was told stands while the state does: also across restarts.
    var since =
        written
            .filter(w -> w.state() == state)
            .map(Sighting::since)
            .orElseGet(() -> current.since().truncatedTo(ChronoUnit.MILLIS).toString());
    return new Sighting(
        nodeName,
        state,
        Text.limit(domain.reasonText(), 64),
        domain.persistent(),
        domain.memoryBytes(),
        domain.vcpus(),
        since);
  }
}
