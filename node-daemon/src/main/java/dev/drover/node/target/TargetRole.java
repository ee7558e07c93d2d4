package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.report.ReportQueue;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
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

  private final String nodeName;
  private final Hypervisor hypervisor;
  private final NodeLimits limits;
  private final Holds holds = new Holds();
  private final AtomicBoolean restored = new AtomicBoolean();
  private final Map<String, Integer> unmarked = new ConcurrentHashMap<>();
  private final TargetReports reports;
  private final TargetCheck check;
  private final TargetVolumes volumes;
  private final OrphanedHandOver orphaned;

  public TargetRole(
      String nodeName,
      Hypervisor hypervisor,
      NodeLimits limits,
      ReportQueue queue,
      InstantSource clock) {
    this(nodeName, hypervisor, limits, queue, clock, SourceSide.NONE);
  }

  public TargetRole(
      String nodeName,
      Hypervisor hypervisor,
      NodeLimits limits,
      ReportQueue queue,
      InstantSource clock,
      SourceSide sourceSide) {
    this.orphaned = new OrphanedHandOver(hypervisor, sourceSide, clock);
    this.nodeName = nodeName;
    this.hypervisor = hypervisor;
    this.limits = limits;
    this.reports = new TargetReports(nodeName, queue, clock);
    this.check = new TargetCheck(hypervisor, holds, limits);
    this.volumes = new TargetVolumes(hypervisor);
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
    if (phase.isTerminal()) {
      gone(migration);
      return Optional.empty();
    }
    var own = reports.last(migration);
    if (status.failure() != null) {
      return cleanUp(migration, own);
    }
    if ((phase == Phase.PreMigration || phase == Phase.Reservation) && !restored.get()) {
      return Optional.of(LOOK_AGAIN_SOON);
    }
    switch (phase) {
      case PreMigration -> {
        if (own.isEmpty()) {
          checkGuest(migration);
        }
      }
      case Reservation -> {
        if (own.isPresent() && own.get().state() == TargetReport.State.Checked) {
          reserve(migration, own.get());
        } else {
          own.ifPresent(report -> holdAgain(migration, report));
        }
      }
      case PreCopy, StopAndCopy, PostCopy -> {
        if (own.isPresent()) {
          holdAgain(migration, own.get());
          unmark(migration, own.get());
          return finishIfOrphaned(migration, own.get());
        }
      }
      case Commitment -> holds.release(migration.getMetadata().getUid());
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

  /** The object is gone, or another node is the target now. */
  public void gone(LiveMigration migration) {
    holds.release(migration.getMetadata().getUid());
    unmarked.remove(migration.getMetadata().getUid());
    orphaned.forget(migration);
    reports.forget(migration);
  }

  /** The source's daemon hands over, unless it is away. */
  private Optional<Duration> finishIfOrphaned(LiveMigration migration, TargetReport own)
      throws HypervisorException {
    if (own.state() != TargetReport.State.Reserved) {
      return Optional.empty();
    }
    var outcome = orphaned.look(migration);
    if (outcome.resumed()) {
      reports.say(
          migration,
          TargetReport.State.Reserved,
          Reason.Committing,
          "The guest runs here: the source's libvirt has let go of it, and its daemon did not resume it",
          own.disks());
    }
    return outcome.again();
  }

  private void unmark(LiveMigration migration, TargetReport own) throws HypervisorException {
    var uid = migration.getMetadata().getUid();
    Integer attempt = migration.getStatus().attemptNumber();
    if (!attempt.equals(unmarked.get(uid))) {
      volumes.unmark(uid, own.copies());
      unmarked.put(uid, attempt);
    }
  }

  private void checkGuest(LiveMigration migration) throws HypervisorException {
    var source = migration.getStatus().currentSource();
    if (source.isEmpty() || source.get().state() != SourceReport.State.Inspected) {
      return; // the source speaks first
    }
    var guest = source.get().guest();
    var uuid = migration.getStatus().domainUuid();
    if (guest == null || uuid == null) {
      return;
    }
    var outcome =
        check.check(
            migration.getMetadata().getUid(), UUID.fromString(uuid), guest, migration.getSpec());
    if (outcome.fits()) {
      var plan = outcome.plan();
      reports.say(
          migration,
          TargetReport.State.Checked,
          Reason.TargetChecked,
          "The guest fits; %d of its %d disks %s copied"
              .formatted(
                  plan.stream().filter(DiskPlan::isCopy).count(),
                  plan.size(),
                  migration.getSpec().dryRunRequested() ? "would be" : "will be"),
          plan);
    } else {
      LOG.info(MigrationRef.of(migration))
          .addKeyValue("reason", outcome.blockers().getFirst().reason())
          .addKeyValue("blockers", outcome.blockers().size())
          .log("The guest does not fit here");
      reports.refuse(migration, outcome.blockers());
    }
  }

  private void reserve(LiveMigration migration, TargetReport own) throws HypervisorException {
    var uid = migration.getMetadata().getUid();
    var guest = migration.getStatus().currentSource().map(SourceReport::guest).orElse(null);
    if (guest == null) {
      return;
    }
    var plan = own.disks() == null ? List.<DiskPlan>of() : own.disks();
    int maxIncoming = limits.maxIncoming();
    if (!holds.take(uid, TargetCheck.need(guest, plan), maxIncoming)) {
      refuse(
          migration,
          Reason.NoFreeSlot,
          "%d migrations are on their way to this host, and no more may be".formatted(maxIncoming));
      return;
    }
    var refusal = volumes.make(uid, guest, own.copies());
    if (refusal != null) {
      holds.release(uid);
      refuse(migration, refusal.reason(), refusal.message());
      return;
    }
    reports.say(
        migration,
        TargetReport.State.Reserved,
        Reason.TargetReserved,
        "%d MiB of memory, a slot and %d volumes are held"
            .formatted(guest.memoryBytes() >> 20, own.copies().size()),
        plan);
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
    if (own.isPresent() && own.get().state() == TargetReport.State.Clean) {
      return Optional.empty();
    }
    boolean mayHaveMadeSomething =
        own.isPresent()
            && migration.getStatus().phaseValue() != Phase.PreMigration
            && own.get().state() != TargetReport.State.Refused;
    if (mayHaveMadeSomething) {
      if (!sourceKeepsOrLostTheGuest(migration.getStatus())) {
        return finishIfOrphaned(migration, own.get()); // else its next word wakes us up
      }
      if (!removeIncomingGuest(migration)) {
        return Optional.of(LOOK_AGAIN_AFTER);
      }
      if (own.get().state() == TargetReport.State.Reserved) {
        volumes.removeReserved(migration.getMetadata().getUid(), own.get().copies());
      } else {
        volumes.removeBegun(migration.getMetadata().getUid(), own.get().copies());
      }
    }
    holds.release(migration.getMetadata().getUid());
    reports.say(
        migration,
        TargetReport.State.Clean,
        Reason.CleaningUp,
        "Nothing of the guest is left here",
        own.map(TargetReport::disks).orElse(null));
    return Optional.empty();
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

  /** True once no domain of that UUID is here; a running one is never touched. */
  private boolean removeIncomingGuest(LiveMigration migration) throws HypervisorException {
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
      hypervisor.undefine(uuid);
    }
    return hypervisor.domain(uuid).isEmpty();
  }
}
