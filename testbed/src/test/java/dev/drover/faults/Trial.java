package dev.drover.faults;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.faults.Result;
import dev.drover.testbed.faults.Results;
import dev.drover.testbed.faults.Victims;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.Evidence;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** One migration with faults, from the healthy guest before it to the next migration after it. */
final class Trial implements AutoCloseable {

  /** After healing, an object is to be terminal within this time, or says what it waits for. */
  static final Duration TO_END = Duration.ofSeconds(30);

  /** Then it is given up. */
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private static final Duration PATIENCE_WITH_A_REASON = Duration.ofSeconds(15);

  /** No cut link, dead or stopped target keeps the guest still for longer. */
  private static final Duration LONGEST_SILENCE = Duration.ofSeconds(5);

  private static final Duration TO_SETTLE = Duration.ofSeconds(20);

  private final Stage stage;
  private final String name;
  private final Storage storage;
  private final HypervisorHost source;
  private final HypervisorHost target;
  private final Victims victims;
  private final List<String> violations = new ArrayList<>();
  private final long started = System.nanoTime();
  private final Map<String, Integer> restartsBefore;
  private final Set<String> restartsExpected = new HashSet<>();
  private @Nullable DomainEvents events;
  private @Nullable Request request;
  private String hit = "-";
  private Instant hitAt = Instant.EPOCH;

  Trial(Stage stage, String name, Storage storage, HypervisorHost source) {
    this.stage = stage;
    this.name = name;
    this.storage = storage;
    this.source = source;
    this.target = stage.otherThan(source);
    this.restartsBefore = stage.supervisor().restarts();
    this.victims =
        new Victims(stage.testbed(), stage.copies(), stage.guest().name(), source, target);
  }

  /** One fault at one moment. */
  static Result run(Stage stage, Cell cell) {
    var source = stage.ready(cell.storage().guest(cell.fault()));
    try (var trial = new Trial(stage, cell.toString(), cell.storage(), source)) {
      return trial.run(cell);
    }
  }

  private Result run(Cell cell) {
    var moment = cell.moment();
    var fault = cell.fault();
    moment.prepare(this);
    apply(moment.spec());
    boolean met = moment.await(this);
    if (!met) {
      violations.add("the moment was missed: " + Moment.of(request().latest()));
    }
    hit();
    restartsExpected.addAll(fault.restarts(source.name(), target.name()));
    fault.inject(victims);
    moment.injected(this);
    LockSupport.parkNanos(fault.lasts().toNanos());
    fault.heal(victims);
    return conclude(
        Expectation.of(moment, fault), fault.silencesTarget() && moment != Moment.PostCopy);
  }

  /** Several faults, one after the other or at the same time. */
  static Result run(Stage stage, Schedule schedule) {
    var first = schedule.steps().getFirst().fault();
    var source = stage.ready(schedule.storage().guest(first));
    var name = "random/" + schedule.seed();
    try (var trial = new Trial(stage, name, schedule.storage(), source)) {
      return trial.run(schedule);
    }
  }

  private Result run(Schedule schedule) {
    apply(schedule.spec());
    List<Runnable> heals = new ArrayList<>();
    List<String> hits = new ArrayList<>();
    for (var step : schedule.steps()) {
      LockSupport.parkNanos(step.after().toNanos());
      // Looked up anew: the fault before may have ended what was known.
      try (var now = new Victims(stage.testbed(), stage.copies(), guest().name(), source, target)) {
        if (hits.isEmpty()) {
          hit();
        }
        hits.add(step.fault() + "@" + Moment.of(request().latest()));
        restartsExpected.addAll(step.fault().restarts(source.name(), target.name()));
        step.fault().inject(now);
        if (step.overlaps()) {
          heals.add(() -> step.fault().heal(victims));
        } else {
          LockSupport.parkNanos(step.lasts().toNanos());
          step.fault().heal(now);
        }
      }
    }
    heals.forEach(Runnable::run);
    hit = String.join(" ", hits);
    var mayBe = EnumSet.of(Outcome.Moved, Outcome.Stayed);
    if (schedule.mayTakeTheGuest()) {
      mayBe.addAll(EnumSet.of(Outcome.Gone, Outcome.Waits));
    }
    return conclude(
        mayBe,
        !schedule.isPostCopy() && !schedule.mayTakeTheGuest() && !schedule.killsBothDaemons());
  }

  /** Asks for the migration; {@code spec} is what it says beside the target. */
  void apply(String spec) {
    request =
        Request.apply(
            stage.testbed(),
            guest().name(),
            "target: {nodeName: %s}\n%s".formatted(target.name(), spec));
  }

  /** Notes where the migration stands, just before the fault. */
  void hit() {
    hitAt = guest().observer().now();
    hit = Moment.of(request().latest()) + "/" + String.join("+", stage.processHosts());
  }

  /**
   * After all is healed: the end of the migration, what must hold then, and the next migration.
   *
   * @param mayBe what may have become of the guest
   * @param mustBeHeard whether a long silence of it is a violation
   */
  Result conclude(Set<Outcome> mayBe, boolean mustBeHeard) {
    Stage.fastLink(target);
    long healed = System.nanoTime();
    request().patch("{\"bandwidthMiBps\":null}");
    Optional<LiveMigrationStatus> end = awaitEnd(TO_END);
    if (end.isEmpty()) {
      String waitsFor = waitsFor(request().latest());
      if (waitsFor.isEmpty()) {
        violations.add(
            "not terminal after %d s, and does not say why: %s"
                .formatted(TO_END.toSeconds(), Moment.of(request().latest())));
      }
      end = awaitEnd(waitsFor.isEmpty() ? PATIENCE : PATIENCE_WITH_A_REASON);
    }
    @Nullable Double secondsToEnd = end.isPresent() ? (System.nanoTime() - healed) / 1e9 : null;
    var status = request().latest();
    // Longer than a beat from before the end counts as recent.
    LockSupport.parkNanos(Duration.ofMillis(1500).toNanos());
    boolean alive = settles(() -> home().isPresent());
    @Nullable HypervisorHost home = alive ? home().orElse(null) : null;
    var outcome = outcome(end.isPresent(), status, home);
    if (!mayBe.contains(outcome)) {
      violations.add("outcome " + outcome + ", expected " + EnumSet.copyOf(mayBe));
    }
    judgeTruth(end.isPresent(), status, home);
    judgePhases(status);
    @Nullable Long silence = null;
    if (alive) {
      var longest = guest().observer().beats().longestSilence(hitAt, guest().observer().now());
      silence = longest.length().toMillis();
      if (mustBeHeard && longest.length().compareTo(LONGEST_SILENCE) > 0) {
        violations.add(
            String.format(Locale.ROOT, "the guest stood still for %.1f s", silence / 1000.0));
      }
    }
    if (end.isPresent()) {
      judgeLeftOver(home);
      if (home != null) {
        next(home);
      }
    }
    judgeCopies();
    judgeProcesses();
    int copies = stage.copies().of(guest().name()).mostCopies();
    end(end.isPresent(), home);
    return new Result(
        name,
        hit,
        outcome.name(),
        status.phase(),
        status.failure() == null ? waitsFor(status) : status.failure().reason(),
        secondsToEnd,
        silence,
        copies,
        List.copyOf(violations),
        (System.nanoTime() - started) / 1e9,
        Instant.now().toString(),
        Results.commit());
  }

  /** Whoever comes back goes on; nothing begins anew. */
  private void judgePhases(LiveMigrationStatus status) {
    var times =
        status.phases() == null ? List.<LiveMigrationStatus.PhaseTimes>of() : status.phases();
    var phases = times.stream().map(p -> p.phase()).toList();
    if (phases.stream().distinct().count() < phases.size()) {
      violations.add("a phase twice: " + phases);
    }
  }

  /** Where the guest beats, and has a process. */
  private Optional<HypervisorHost> home() {
    return guest()
        .runningOn()
        .filter(host -> stage.processHosts().contains(host))
        .map(host -> stage.testbed().host(host));
  }

  private Outcome outcome(
      boolean ended, LiveMigrationStatus status, @Nullable HypervisorHost home) {
    if (!ended) {
      return waitsFor(status).isEmpty() ? Outcome.Silent : Outcome.Waits;
    }
    if (home == null) {
      return Outcome.Gone;
    }
    return home.equals(target) ? Outcome.Moved : Outcome.Stayed;
  }

  private void judgeTruth(
      boolean ended, LiveMigrationStatus status, @Nullable HypervisorHost home) {
    if (!ended) {
      return;
    }
    boolean succeeded = status.phaseValue() == Phase.Succeeded;
    if (home != null && succeeded != home.equals(target)) {
      violations.add("it says %s, and the guest runs on %s".formatted(status.phase(), home.name()));
    }
    if (home != null
        && !settles(() -> Request.isSeen(stage.testbed(), guest().name(), home.name()))) {
      violations.add("the cluster does not see the guest on " + home.name());
    }
    if (!succeeded
        && (status.failure() == null
            || status.failure().message() == null
            || status.failure().message().isBlank())) {
      violations.add("it does not say why it failed");
    }
  }

  private void judgeLeftOver(@Nullable HypervisorHost home) {
    boolean diskOnBoth = storage == Storage.Shared;
    if (home == null) {
      // Its definition and its disk stay where it died: they are its owner's.
      return;
    }
    if (!settles(() -> stage.leftOver(home, diskOnBoth).isEmpty())) {
      violations.add("left over: " + stage.leftOver(home, diskOnBoth));
    }
  }

  /** The next migration of the same guest, without a fault; then the guest checks itself. */
  private void next(HypervisorHost home) {
    var away = stage.otherThan(home);
    try (var next =
        Request.apply(
            stage.testbed(), guest().name(), "target: {nodeName: %s}\n".formatted(away.name()))) {
      if (!settles(
          Duration.ofSeconds(90),
          () -> next.status().filter(s -> s.phaseValue().isTerminal()).isPresent())) {
        violations.add("the next migration does not end: " + next.latest());
      } else if (next.latest().phaseValue() != Phase.Succeeded) {
        violations.add("the next migration failed: " + next.latest().failure());
      } else if (!settles(() -> guest().runningOn().equals(Optional.of(away.name())))) {
        violations.add("after the next migration the guest is not heard from " + away.name());
      } else if (!settles(() -> stage.leftOver(away, storage == Storage.Shared).isEmpty())) {
        violations.add(
            "left over by the next migration: " + stage.leftOver(away, storage == Storage.Shared));
      }
      next.delete();
    }
    if (guest().runningOn().isEmpty()) {
      return; // there is nobody to ask
    }
    try {
      var verification = guest().verify();
      if (!verification.clean()) {
        violations.add("memory or disk damaged: " + verification);
      }
      if (!guest().bootId().equals(stage.bootId())) {
        violations.add("the guest has booted anew");
      }
    } catch (RuntimeException | AssertionError e) {
      violations.add("the guest can't check itself: " + e.getMessage());
    }
  }

  private void judgeCopies() {
    var timeline = stage.copies().of(guest().name());
    if (!timeline.twoCopies().isEmpty()) {
      violations.add("TWO COPIES RAN: " + timeline.twoCopies());
    }
    if (guest().twoCopiesHeard()) {
      violations.add(
          "TWO COPIES WERE HEARD: "
              + guest().observer().beats().fromSecondCopy().size()
              + " beats");
    }
  }

  /** None of Drover's processes has ended, or was killed for its silence, unless by the fault. */
  private void judgeProcesses() {
    stage
        .supervisor()
        .restarts()
        .forEach(
            (process, count) -> {
              boolean again = count > restartsBefore.getOrDefault(process, 0);
              if (again && !process.endsWith("/libvirtd") && !restartsExpected.contains(process)) {
                violations.add(process + " had to be started again");
              }
            });
  }

  /** The object goes; with it, by hand, what can't go by itself. */
  private void end(boolean ended, @Nullable HypervisorHost home) {
    if (!violations.isEmpty()) {
      new Evidence(stage.testbed(), "faults-" + name).collect();
    }
    request().delete();
    if (!ended || !settles(request()::isGone)) {
      if (ended) {
        violations.add("the object can't be deleted");
      }
      request().removeFinalizers();
      stage.removeGuest();
      stage.restartDaemons();
    } else if (home == null || !violations.isEmpty()) {
      stage.removeGuest();
      stage.restartDaemons();
    }
  }

  private Optional<LiveMigrationStatus> awaitEnd(Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    do {
      var status = request().status();
      if (status.filter(s -> s.phaseValue().isTerminal()).isPresent()) {
        return status;
      }
      LockSupport.parkNanos(100_000_000);
    } while (System.nanoTime() < deadline);
    return Optional.empty();
  }

  /** What it says that it waits for; empty if it says nothing. */
  private static String waitsFor(LiveMigrationStatus status) {
    return status
        .condition(ConditionType.Stalled)
        .filter(Condition::isTrue)
        .map(c -> c.reason() + ": " + c.message())
        .orElse("");
  }

  private static boolean settles(BooleanSupplier condition) {
    return settles(TO_SETTLE, condition);
  }

  private static boolean settles(Duration limit, BooleanSupplier condition) {
    long deadline = System.nanoTime() + limit.toNanos();
    do {
      try {
        if (condition.getAsBoolean()) {
          return true;
        }
      } catch (RuntimeException e) {
        // A process that is just starting does not answer yet.
      }
      LockSupport.parkNanos(200_000_000);
    } while (System.nanoTime() < deadline);
    return false;
  }

  // ---- for the moments

  Guest guest() {
    return stage.guest();
  }

  HypervisorHost source() {
    return source;
  }

  HypervisorHost target() {
    return target;
  }

  Victims victims() {
    return victims;
  }

  Request request() {
    return java.util.Objects.requireNonNull(request);
  }

  void slowLink() {
    Stage.slowLink(target);
  }

  void listenTo(HypervisorHost host) {
    events = new DomainEvents(host);
  }

  boolean awaitEvent(String beginning) {
    return java.util.Objects.requireNonNull(events)
        .await(guest().name(), Moment.LIMIT, event -> event.startsWith(beginning));
  }

  boolean awaitStatus(Predicate<LiveMigrationStatus> condition) {
    return request().await(condition, Moment.LIMIT).isPresent();
  }

  @Override
  public void close() {
    Stage.fastLink(target);
    victims.close();
    if (events != null) {
      events.close();
    }
    if (request != null) {
      request.close();
    }
  }
}
