package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.backing.Patience;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.ReportQueue;
import dev.drover.node.target.LostSource.Action;
import dev.drover.node.watchdog.WatchdogPolicy;
import dev.drover.node.way.Way;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.LoggerFactory;

/**
 * This host as the target (docs/reference/protocol.md). Level-triggered: {@link #handle} looks at
 * the object as it is and does what is missing; called twice, it does nothing the second time. Not
 * called concurrently for one object.
 */
public final class TargetRole {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(TargetRole.class));
  private static final Duration LOOK_AGAIN_SOON = Duration.ofMillis(200);
  private static final Duration LOOK_AGAIN_AFTER = Duration.ofSeconds(5);

  private static final String ABOUT_TO_START =
      "The source's host is lost; the guest is about to be started anew here, from its shared disks";

  /**
   * So long an answer may wait for images to be read here and at the source; below the minute that
   * the operator gives a daemon.
   */
  private static final Duration COMPARISON_PATIENCE = Duration.ofSeconds(45);

  /**
   * So long a place may be waited for. The operator counts the same places, so that one that it
   * takes for free and is not is about to be given back.
   */
  static final Duration PLACE_PATIENCE = Duration.ofSeconds(20);

  private final String nodeName;
  private final Hypervisor hypervisor;
  private final NodeLimits limits;
  private final Way way;
  private final Holds holds = new Holds();
  private final AtomicBoolean restored = new AtomicBoolean();
  private final Map<String, Integer> unmarked = new ConcurrentHashMap<>();
  private final TargetReports reports;
  private final TargetCheck check;
  private final TargetVolumes volumes;
  private final ReadBack readBack;
  private final Patience patience;
  private final Patience placePatience;
  private final OrphanedHandOver orphaned;

  public TargetRole(
      String nodeName,
      Hypervisor hypervisor,
      NodeLimits limits,
      Way way,
      ReportQueue queue,
      InstantSource clock) {
    this(
        nodeName,
        hypervisor,
        limits,
        way,
        queue,
        clock,
        new ImageDigests(hypervisor),
        SourceSide.NONE,
        WatchdogPolicy.DEFAULT);
  }

  /**
   * With the digests that the other role knows, too.
   *
   * @param watchdog what an admin allows on this host
   */
  public TargetRole(
      String nodeName,
      Hypervisor hypervisor,
      NodeLimits limits,
      Way way,
      ReportQueue queue,
      InstantSource clock,
      ImageDigests digests,
      SourceSide sourceSide,
      WatchdogPolicy watchdog) {
    this.orphaned =
        new OrphanedHandOver(hypervisor, sourceSide, watchdog.mayRestartLibvirt(), clock);
    this.nodeName = nodeName;
    this.patience = new Patience(COMPARISON_PATIENCE, clock);
    this.placePatience = new Patience(PLACE_PATIENCE, clock);
    this.hypervisor = hypervisor;
    this.limits = limits;
    this.reports = new TargetReports(nodeName, queue, clock);
    this.way = way;
    this.check = new TargetCheck(hypervisor, holds, limits, way, digests);
    this.volumes = new TargetVolumes(hypervisor, nodeName);
    this.readBack = new ReadBack(hypervisor, reports);
  }

  /** How many guests this host holds a place for. */
  public int reservations() {
    return holds.count();
  }

  /**
   * Does what is missing.
   *
   * @return when to look again, if that is not up to an event
   */
  public Optional<Duration> handle(LiveMigration migration) throws HypervisorException {
    LiveMigrationStatus status = migration.getStatus();
    if (status == null || !nodeName.equals(status.targetNode())) {
      return Optional.empty();
    }
    Phase phase = status.phaseValue();
    var own = reports.last(migration);
    if (phase.isTerminal()) {
      if (phase == Phase.Succeeded && holds.has(migration.getMetadata().getUid())) {
        unmark(migration, own);
      }
      gone(migration);
      return Optional.empty();
    }
    if (status.failure() != null) {
      return cleanUp(migration, own);
    }
    if ((phase == Phase.PreMigration || phase == Phase.Reservation) && !restored.get()) {
      return Optional.of(LOOK_AGAIN_SOON);
    }
    switch (phase) {
      case PreMigration -> {
        if (own.isEmpty()) {
          return checkGuest(migration);
        }
      }
      case Reservation -> {
        if (own.isPresent() && own.get().state() == TargetReport.State.Checked) {
          return reserve(migration, own.get());
        } else {
          own.ifPresent(report -> holdAgain(migration, report));
        }
      }
      case PreCopy, StopAndCopy, PostCopy -> {
        if (own.isPresent()) {
          holdAgain(migration, own.get());
          unmark(migration, own);
          readBack.look(migration, own.get());
          return finishIfOrphaned(migration, own.get());
        }
      }
      case Commitment -> {
        unmark(migration, own);
        holds.release(migration.getMetadata().getUid());
      }
      case Pending, Succeeded, Failed, Aborted -> {}
    }
    return Optional.empty();
  }

  /**
   * Takes the holds of an earlier process again; nothing new is promised before. Every migration
   * whose target is this node belongs in there.
   */
  public void restore(List<LiveMigration> migrations) {
    for (LiveMigration migration : migrations) {
      var status = migration.getStatus();
      if (status != null
          && nodeName.equals(status.targetNode())
          && !status.phaseValue().isTerminal()
          && status.phaseValue() != Phase.Commitment) {
        status.currentTarget().ifPresent(report -> holdAgain(migration, report));
      }
    }
    restored.set(true);
  }

  /**
   * Removes what tells of reservations that came to their end while no daemon was here.
   *
   * @param underWay asks the API server for the uids of the migrations whose target is this node,
   *     and which have not ended
   */
  public void removeLeftMarkers(Supplier<Set<String>> underWay) throws HypervisorException {
    volumes.removeLeftMarkers(underWay);
  }

  /**
   * Lets go of what is held for migrations that have ended, or go elsewhere, without anybody having
   * said so here: in the moment of {@link #restore}, or before the watch began.
   *
   * @param underWay asks the API server for the uids of the migrations whose target is this node,
   *     and which have not ended
   */
  public void releaseEnded(Supplier<Set<String>> underWay) {
    // INVARIANT: taken down before it is asked, so that each of them was assigned to this node by
    // then.
    Set<String> ended = holds.migrations();
    if (ended.isEmpty()) {
      return;
    }
    ended.removeAll(underWay.get());
    ended.forEach(holds::release);
  }

  /** The object is gone, or another node is the target now. */
  public void gone(LiveMigration migration) {
    readBack.stop(migration.getMetadata().getUid());
    way.doors().close(migration.getMetadata().getUid());
    holds.release(migration.getMetadata().getUid());
    unmarked.remove(migration.getMetadata().getUid());
    patience.forget(key(migration));
    placePatience.forget(key(migration));
    orphaned.forget(migration);
    reports.forget(migration);
  }

  /** The source's daemon hands over, unless it is away. */
  private Optional<Duration> finishIfOrphaned(LiveMigration migration, TargetReport own)
      throws HypervisorException {
    // A cold migration's definition goes over in steps that its source's daemon alone knows.
    if (own.state() != TargetReport.State.Reserved || migration.getSpec().cold()) {
      return Optional.empty();
    }
    var outcome = orphaned.look(migration);
    outcome
        .word()
        .filter(word -> !word.message().equals(own.message()))
        .ifPresent(
            word ->
                reports.say(
                    migration,
                    TargetReport.State.Reserved,
                    word.reason(),
                    word.message(),
                    own.disks(),
                    own.pinning()));
    return outcome.again();
  }

  /** Also where the transfer was over before it was seen here. */
  private void unmark(LiveMigration migration, Optional<TargetReport> own)
      throws HypervisorException {
    if (own.isEmpty()) {
      return;
    }
    var uid = migration.getMetadata().getUid();
    Integer attempt = migration.getStatus().attemptNumber();
    if (!attempt.equals(unmarked.get(uid))) {
      volumes.unmark(uid, own.get().copies());
      unmarked.put(uid, attempt);
    }
  }

  /**
   * @return when to look again, if not all is known yet
   */
  private Optional<Duration> checkGuest(LiveMigration migration) throws HypervisorException {
    var source = migration.getStatus().currentSource();
    if (source.isEmpty() || source.get().state() != SourceReport.State.Inspected) {
      return Optional.empty(); // the source speaks first
    }
    var guest = source.get().guest();
    var uuid = migration.getStatus().domainUuid();
    if (guest == null || uuid == null) {
      return Optional.empty();
    }
    var outcome =
        check.check(
            migration.getMetadata().getUid(), UUID.fromString(uuid), guest, migration.getSpec());
    if (outcome.unfinished() && patience.has(key(migration))) {
      return Optional.of(LOOK_AGAIN_SOON);
    }
    patience.forget(key(migration));
    if (!outcome.fits()) {
      LOG.info(MigrationRef.of(migration))
          .addKeyValue("reason", outcome.blockers().getFirst().reason())
          .addKeyValue("blockers", outcome.blockers().size())
          .log("The guest does not fit here");
    }
    var plan = outcome.plan();
    reports.found(
        migration,
        outcome,
        "The guest fits; %d of its %d disks %s copied"
                .formatted(
                    plan.stream().filter(DiskPlan::isCopy).count(),
                    plan.size(),
                    migration.getSpec().dryRunRequested() ? "would be" : "will be")
            + outcome.pinning().map(TargetReports::words).orElse(""));
    return Optional.empty();
  }

  private static String key(LiveMigration migration) {
    var status = migration.getStatus();
    return migration.getMetadata().getUid() + "/" + (status == null ? 1 : status.attemptNumber());
  }

  /**
   * @return when to look again, if there is no place yet
   */
  private Optional<Duration> reserve(LiveMigration migration, TargetReport own)
      throws HypervisorException {
    var uid = migration.getMetadata().getUid();
    var guest = migration.getStatus().currentSource().map(SourceReport::guest).orElse(null);
    if (guest == null) {
      return Optional.empty();
    }
    var plan = own.disks() == null ? List.<DiskPlan>of() : own.disks();
    int maxIncoming = limits.maxIncoming();
    if (!holds.take(uid, TargetCheck.need(guest, plan), maxIncoming)) {
      if (placePatience.has(key(migration))) {
        return Optional.of(LOOK_AGAIN_SOON);
      }
      LOG.info(MigrationRef.of(migration))
          .addKeyValue("migrations", holds.migrations())
          .log("All places are held");
      refuse(
          migration,
          Reason.NoFreeSlot,
          "%d migrations are on their way to this host, and no more may be".formatted(maxIncoming));
      return Optional.empty();
    }
    placePatience.forget(key(migration));
    var refusal = volumes.make(uid, guest, own.copies());
    if (refusal != null) {
      holds.release(uid);
      refuse(migration, refusal.reason(), refusal.message());
      return Optional.empty();
    }
    reports.say(
        migration,
        TargetReport.State.Reserved,
        Reason.TargetReserved,
        "%d MiB of memory, a slot and %d volumes are held"
            .formatted(guest.memoryBytes() >> 20, own.copies().size()),
        plan,
        own.pinning());
    return Optional.empty();
  }

  private void refuse(LiveMigration migration, Reason reason, String message) {
    LOG.info(MigrationRef.of(migration))
        .addKeyValue("reason", reason)
        .log("The reservation is refused");
    reports.say(migration, TargetReport.State.Refused, reason, message, null);
  }

  /** After a restart: the promise was given by an earlier process, whatever the limit is now. */
  private void holdAgain(LiveMigration migration, TargetReport own) {
    var guest = migration.getStatus().currentSource().map(SourceReport::guest).orElse(null);
    if (own.state() == TargetReport.State.Reserved && guest != null) {
      holds.take(
          migration.getMetadata().getUid(),
          TargetCheck.need(guest, own.disks() == null ? List.of() : own.disks()),
          Integer.MAX_VALUE);
    }
  }

  private Optional<Duration> cleanUp(LiveMigration migration, Optional<TargetReport> own)
      throws HypervisorException {
    readBack.stop(migration.getMetadata().getUid());
    if (own.isPresent()
        && (own.get().state() == TargetReport.State.Clean
            || own.get().state() == TargetReport.State.Settled)) {
      return Optional.empty();
    }
    boolean mayHaveMadeSomething =
        own.isPresent()
            && migration.getStatus().phaseValue() != Phase.PreMigration
            && own.get().state() != TargetReport.State.Refused;
    if (mayHaveMadeSomething && sourceIsLost(migration.getStatus())) {
      return settleWithoutSource(migration, own.get());
    }
    if (mayHaveMadeSomething) {
      if (!sourceKeepsOrLostTheGuest(migration.getStatus())) {
        return finishIfOrphaned(migration, own.get()); // else its next word wakes us up
      }
      boolean mayHaveRunHere = guestMayHaveRunHere(migration.getStatus());
      if (!removeIncomingGuest(migration, mayHaveRunHere)) {
        return Optional.of(LOOK_AGAIN_AFTER);
      }
      if (mayHaveRunHere && !own.get().copies().isEmpty()) {
        keepVolumes(migration, own.get(), "it may have written to them");
        return Optional.empty();
      }
      removeVolumes(migration, own.get());
    }
    sayClean(migration, own, "Nothing of the guest is left here");
    return Optional.empty();
  }

  /** What the source's daemon says of a guest that is lost. */
  private static boolean guestMayHaveRunHere(LiveMigrationStatus status) {
    return status
        .currentSource()
        .filter(source -> source.reason().equals(Reason.GuestLostAfterSwitchover.name()))
        .isPresent();
  }

  private void keepVolumes(LiveMigration migration, TargetReport own, String because)
      throws HypervisorException {
    volumes.unmark(migration.getMetadata().getUid(), own.copies());
    sayClean(
        migration,
        Optional.of(own),
        "The guest's volumes are kept here, as %s: %s"
            .formatted(
                because,
                own.copies().stream()
                    .map(copy -> "%s in pool %s".formatted(copy.volume(), copy.pool()))
                    .collect(Collectors.joining(", "))));
  }

  private void removeVolumes(LiveMigration migration, TargetReport own) throws HypervisorException {
    if (own.state() == TargetReport.State.Reserved) {
      volumes.removeReserved(migration.getMetadata().getUid(), own.copies());
    } else {
      volumes.removeBegun(migration.getMetadata().getUid(), own.copies());
    }
  }

  private void sayClean(LiveMigration migration, Optional<TargetReport> own, String message) {
    say(migration, TargetReport.State.Clean, Reason.CleaningUp, message, own);
  }

  private void say(
      LiveMigration migration,
      TargetReport.State state,
      Reason reason,
      String message,
      Optional<TargetReport> own) {
    holds.release(migration.getMetadata().getUid());
    reports.say(migration, state, reason, message, own.map(TargetReport::disks).orElse(null));
  }

  /**
   * INVARIANT: only the operator writes {@code failure}, and this reason only of a host that an
   * admin has fenced and whose daemon is silent: nothing of the guest runs there.
   */
  private static boolean sourceIsLost(LiveMigrationStatus status) {
    var failure = status.failure();
    return failure != null && failure.reason().equals(Reason.SourceHostLost.name());
  }

  private Optional<Duration> settleWithoutSource(LiveMigration migration, TargetReport own)
      throws HypervisorException {
    var uuid = UUID.fromString(Objects.requireNonNull(migration.getStatus().domainUuid()));
    var guest = migration.getStatus().currentSource().map(SourceReport::guest).orElse(null);
    if (guest == null) {
      return Optional.empty(); // it has never said anything, so nothing was made for it
    }
    var plan = own.disks() == null ? List.<DiskPlan>of() : own.disks();
    boolean startIntended =
        migration
            .getStatus()
            .currentTarget()
            .filter(report -> ABOUT_TO_START.equals(report.message()))
            .isPresent();
    var action = LostSource.decide(hypervisor.domain(uuid), guest, plan, startIntended);
    LOG.info(MigrationRef.of(migration))
        .addKeyValue("action", action)
        .log("The source's host is lost; what is here is settled without it");
    var before = Optional.of(own);
    switch (action) {
      case Action.Discard() -> {
        remove(uuid);
        removeVolumes(migration, own);
        sayClean(migration, before, "The source's host is lost; nothing of the guest is left here");
      }
      case Action.KeepVolumes(var because) -> {
        remove(uuid);
        if (own.copies().isEmpty()) {
          sayClean(
              migration, before, "The source's host is lost; nothing of the guest is left here");
        } else {
          keepVolumes(migration, own, because);
        }
      }
      case Action.Resume() -> {
        hypervisor.resume(uuid);
        sayHere(migration, before, "The source's host is lost; the guest goes on here");
      }
      case Action.StartAnew() -> {
        if (!startIntended) {
          // Written first: a daemon that dies in between finds a guest that is off, and starts it.
          reports.say(migration, own.state(), Reason.SourceHostLost, ABOUT_TO_START, own.disks());
          return Optional.of(LOOK_AGAIN_SOON);
        }
        hypervisor.destroy(uuid);
        hypervisor.start(uuid);
        sayHere(
            migration,
            before,
            "The source's host is lost; the guest was started anew here, from its shared disks");
      }
      case Action.Leave(var message) -> sayHere(migration, before, message);
      case Action.AskAPerson(var message) -> {
        if (!message.equals(own.message())) {
          reports.say(migration, own.state(), Reason.SourceHostLost, message, own.disks());
        }
        return Optional.of(LOOK_AGAIN_AFTER);
      }
    }
    return Optional.empty();
  }

  private void sayHere(LiveMigration migration, Optional<TargetReport> own, String message) {
    say(migration, TargetReport.State.Settled, Reason.SourceHostLost, message, own);
  }

  private void remove(UUID uuid) throws HypervisorException {
    var here = hypervisor.domain(uuid);
    if (here.isEmpty()) {
      return;
    }
    hypervisor.destroy(uuid);
    if (here.get().persistent()) {
      hypervisor.undefine(uuid);
    }
  }

  /**
   * INVARIANT: nothing is destroyed here before the source has said that the guest is not coming.
   */
  private static boolean sourceKeepsOrLostTheGuest(LiveMigrationStatus status) {
    return status
        .currentSource()
        .map(
            source ->
                switch (source.state()) {
                  case Stopped, Refused, GuestLost -> true;
                  case Inspected,
                      Transferring,
                      Switching,
                      PostCopying,
                      Switched,
                      HandOverPending,
                      CleanedUp ->
                      false;
                })
        .orElse(false);
  }

  /**
   * True once no domain of that UUID is here, or only its definition is; a running one is never
   * touched.
   *
   * @param keepsDefinition by which it can be started from its disks
   */
  private boolean removeIncomingGuest(LiveMigration migration, boolean keepsDefinition)
      throws HypervisorException {
    var text = migration.getStatus().domainUuid();
    if (text == null) {
      return true;
    }
    var uuid = UUID.fromString(text);
    Optional<DomainState> here = hypervisor.domain(uuid);
    if (here.isEmpty()) {
      return true;
    }
    if (here.get().run().executes()) {
      LOG.error(MigrationRef.of(migration))
          .addKeyValue("domain", here.get().name())
          .addKeyValue("state", here.get().run())
          .log("The source says that it has the guest, and it runs here: nothing is touched");
      return false;
    }
    if (here.get().run() != DomainState.Run.ShutOff) {
      hypervisor.destroy(uuid);
    }
    if (here.get().persistent()) {
      if (keepsDefinition) {
        return true;
      }
      hypervisor.undefine(uuid);
    }
    return hypervisor.domain(uuid).isEmpty();
  }
}
