package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.node.handover.Evidence;
import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.handover.Evidence.Written;
import dev.drover.node.handover.HandOver;
import dev.drover.node.handover.Verdict;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.MigrationRef;
import dev.drover.node.target.OwnLibvirt.Answer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Finishes a hand-over that the source's daemon does not finish: the guest is complete and held
 * here, and nobody resumes it.
 *
 * <p>INVARIANT: there are two kinds of evidence, and one of them is needed. Either the source's
 * daemon says in status, of this attempt, that the guest is gone there for good ({@link
 * Release#Told}): it says so if it can't tell this host's libvirt itself, and never takes it back.
 * Or the source's libvirt, asked now over a connection of our own, knows no domain of that UUID:
 * libvirt removes the definition only after the target has confirmed and the source's QEMU has been
 * killed, so the guest can't run there, and what is here is its newest. A source that can't be
 * asked and says nothing is waited for; so is a transient guest, which leaves no definition to be
 * removed. The source's daemon has the first word: unless it has told, this waits a moment, and
 * always reads the object anew before it does anything.
 *
 * <p>If this host's libvirt does not answer, nobody else can let the guest go on. It is ended, to
 * be started again by its service manager, if an admin allows that; else a person is told.
 */
final class OrphanedHandOver {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(OrphanedHandOver.class));
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final Duration LOOK_SOON = Duration.ofMillis(200);
  private static final Duration FIRST_WORD = Duration.ofSeconds(2);
  private static final Duration PEER_DEADLINE = Duration.ofSeconds(5);

  /** A libvirtd that is only busy answers such a question in milliseconds. */
  private static final Duration SILENT = Duration.ofSeconds(2);

  private static final Duration AWAY_WORTH_TELLING = Duration.ofSeconds(10);

  /** So long another guest's silence may still be that of the libvirtd that was ended. */
  private static final Duration COMES_BACK_WITHIN = Duration.ofSeconds(30);

  private final Hypervisor hypervisor;
  private final SourceSide sourceSide;
  private final boolean mayRestartLibvirt;
  private final InstantSource clock;
  private final OwnLibvirt libvirt;
  private final Map<String, Instant> heldSince = new ConcurrentHashMap<>();
  private final Set<String> cured = ConcurrentHashMap.newKeySet();
  private volatile @Nullable Instant endedLibvirtAt;

  OrphanedHandOver(
      Hypervisor hypervisor,
      SourceSide sourceSide,
      boolean mayRestartLibvirt,
      InstantSource clock) {
    this.hypervisor = hypervisor;
    this.sourceSide = sourceSide;
    this.mayRestartLibvirt = mayRestartLibvirt;
    this.clock = clock;
    this.libvirt = new OwnLibvirt(hypervisor, clock);
  }

  /** What is to be said in status. */
  record Word(Reason reason, String message) {}

  /** What came of a look. */
  record Outcome(Optional<Word> word, Optional<Duration> again) {
    private static final Outcome NEVER = new Outcome(Optional.empty(), Optional.empty());
    private static final Outcome LATER = after(LOOK_EVERY);
    private static final Outcome SOON = after(LOOK_SOON);

    private static Outcome after(Duration wait) {
      return new Outcome(Optional.empty(), Optional.of(wait));
    }

    private static Outcome says(Reason reason, String message, Optional<Duration> again) {
      return new Outcome(Optional.of(new Word(reason, message)), again);
    }
  }

  /** Looks, and resumes the guest if that is left to this host. */
  Outcome look(LiveMigration migration) throws HypervisorException {
    var uid = migration.getMetadata().getUid();
    var text = migration.getStatus().domainUuid();
    if (text == null || !isLeftToThisHost(migration)) {
      forget(migration);
      return Outcome.NEVER;
    }
    var uuid = UUID.fromString(text);
    boolean told = hasReleased(migration);
    return switch (libvirt.ask(uuid)) {
      case Answer.Says(var domain) -> {
        if (isHeld(domain)) {
          yield finish(migration, uuid, told);
        }
        heldSince.remove(uid);
        yield Outcome.LATER;
      }
      case Answer.Away(var because, var lasts) -> {
        if (!told) {
          yield Outcome.LATER;
        }
        // It may be starting: it is not ended for that, but a person is told.
        yield lasts.compareTo(AWAY_WORTH_TELLING) < 0
            ? Outcome.SOON
            : Outcome.says(
                Reason.TargetLibvirtSilent,
                "The guest is held here, and there is no way to libvirtd: " + because,
                Optional.of(LOOK_EVERY));
      }
      // Before the source has let go, a silent libvirt is the source's watchdog's to deal with.
      case Answer.Silent(var lasts) -> told ? silent(migration, uuid, lasts) : Outcome.LATER;
    };
  }

  private Outcome finish(LiveMigration migration, UUID uuid, boolean told)
      throws HypervisorException {
    var uid = migration.getMetadata().getUid();
    var now = clock.instant();
    var due = heldSince.computeIfAbsent(uid, _ -> now).plus(FIRST_WORD);
    if (!told && due.isAfter(now)) {
      var left = Duration.between(now, due);
      return Outcome.after(left.compareTo(LOOK_EVERY) < 0 ? left : LOOK_EVERY);
    }
    var fresh = freshIfLeftToThisHost(migration);
    if (fresh.isEmpty()) {
      return Outcome.LATER;
    }
    Release release =
        hasReleased(fresh.get())
            ? Release.Told
            : isGoneFromTheSource(fresh.get(), uuid) ? Release.Undefined : Release.None;
    if (release == Release.None
        || !(libvirt.ask(uuid) instanceof Answer.Says(var domain) && isHeld(domain))) {
      return Outcome.LATER;
    }
    var evidence =
        new Evidence(
            true,
            release,
            SourceView.Inactive,
            TargetView.CompleteAndHeld,
            Call.Succeeded,
            false,
            true,
            Written.Started);
    if (!(HandOver.decide(evidence) instanceof Verdict.ResumeTarget)) {
      return Outcome.LATER;
    }
    hypervisor.resume(uuid);
    heldSince.remove(uid);
    LOG.warn(MigrationRef.of(migration))
        .addKeyValue("source", fresh.get().getStatus().sourceNode())
        .addKeyValue("release", release)
        .log("The source has let go of the guest and has not resumed it: resumed from here");
    return Outcome.says(
        Reason.Committing,
        release == Release.Told
            ? "The guest runs here: the source's daemon has let go of it, and could not tell this host's libvirt to resume it"
            : "The guest runs here: the source's libvirt has let go of it, and its daemon did not resume it",
        Optional.empty());
  }

  /**
   * INVARIANT: libvirtd is ended only after the source has let go for good, which it does only
   * after libvirtd here has answered that it has all of the guest: one that is ended before that
   * destroys the guest when it comes back. Once for each migration.
   */
  private Outcome silent(LiveMigration migration, UUID uuid, Duration lasts) {
    if (lasts.compareTo(SILENT) < 0) {
      return Outcome.SOON;
    }
    var uid = migration.getMetadata().getUid();
    var trouble = "The guest is held here, and libvirtd does not answer";
    if (!mayRestartLibvirt) {
      return Outcome.says(
          Reason.TargetLibvirtSilent,
          trouble + "; a restart of it cures that, and guests live on",
          Optional.of(LOOK_EVERY));
    }
    if (cured.contains(uid)) {
      return Outcome.says(
          Reason.TargetLibvirtSilent,
          trouble + "; this daemon has tried to end it once, and does not again",
          Optional.of(LOOK_EVERY));
    }
    var now = clock.instant();
    var ended = endedLibvirtAt;
    if (ended != null && ended.plus(COMES_BACK_WITHIN).isAfter(now)) {
      return Outcome.SOON;
    }
    var fresh = freshIfLeftToThisHost(migration);
    if (fresh.isEmpty() || !hasReleased(fresh.get())) {
      return Outcome.LATER;
    }
    cured.add(uid);
    endedLibvirtAt = now;
    LOG.warn(MigrationRef.of(migration))
        .addKeyValue("silentMilliseconds", lasts.toMillis())
        .log("libvirtd does not answer and holds a guest that is to go on: it is ended");
    try {
      hypervisor.killDaemon();
    } catch (HypervisorException e) {
      return Outcome.says(
          Reason.TargetLibvirtSilent,
          trouble + ", nor can this daemon end it: " + e.getMessage(),
          Optional.of(LOOK_EVERY));
    }
    libvirt.forget(uuid);
    return Outcome.says(
        Reason.TargetLibvirtSilent,
        trouble + "; it was ended by this daemon to be started again, and guests live on",
        Optional.of(LOOK_SOON));
  }

  void forget(LiveMigration migration) {
    var uid = migration.getMetadata().getUid();
    heldSince.remove(uid);
    cured.remove(uid);
    var status = migration.getStatus();
    var text = status == null ? null : status.domainUuid();
    if (text != null) {
      libvirt.forget(UUID.fromString(text));
    }
  }

  /** The object as it is now, if that still leaves the guest to this host, in the same attempt. */
  private Optional<LiveMigration> freshIfLeftToThisHost(LiveMigration migration) {
    var known = migration.getStatus();
    return sourceSide
        .now(migration)
        .filter(
            fresh ->
                fresh.getMetadata().getUid().equals(migration.getMetadata().getUid())
                    && fresh.getStatus().attemptNumber() == known.attemptNumber()
                    && Objects.equals(fresh.getStatus().targetNode(), known.targetNode())
                    && isLeftToThisHost(fresh));
  }

  /** Of this attempt, and from the node that is its source. */
  private static boolean hasReleased(LiveMigration migration) {
    return migration.getStatus().currentSource().filter(SourceReport::hasReleased).isPresent();
  }

  /** The source's daemon has begun, and has not said what came of it; and there is evidence. */
  private static boolean isLeftToThisHost(LiveMigration migration) {
    var spec = migration.getSpec();
    if (spec.commitOrDefault() != CommitOrder.Fenced
        || spec.postCopyOrDefault() == PostCopyPolicy.Allowed) {
      return false;
    }
    return migration
        .getStatus()
        .currentSource()
        .filter(
            source ->
                switch (source.state()) {
                  case Transferring, Switching, HandOverPending -> true;
                  case Inspected, Refused, PostCopying, Switched, Stopped, GuestLost, CleanedUp ->
                      false;
                })
        .map(SourceReport::guest)
        .filter(guest -> guest.persistent() && !guest.paused())
        .isPresent();
  }

  private static boolean isHeld(Optional<DomainState> domain) {
    return domain.filter(d -> d.run() == DomainState.Run.Paused).isPresent();
  }

  private boolean isGoneFromTheSource(LiveMigration migration, UUID uuid) {
    var source = migration.getStatus().sourceNode();
    Optional<PeerAddress> address =
        source == null ? Optional.empty() : sourceSide.addressOf(source);
    if (address.isEmpty()) {
      return false;
    }
    try (var peer = hypervisor.connectPeer(address.get(), PEER_DEADLINE)) {
      return peer.domain(uuid).isEmpty();
    } catch (HypervisorException e) {
      LOG.info(MigrationRef.of(migration))
          .addKeyValue("error", e.getMessage())
          .log("The source's libvirt can't be asked whether it has let go of the guest");
      return false;
    }
  }
}
