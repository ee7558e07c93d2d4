package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
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
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.LoggerFactory;

/**
 * Finishes a hand-over whose source's daemon does not: the guest is complete and held here, and
 * nobody resumes it.
 *
 * <p>INVARIANT: the only evidence is that the source's libvirt, asked now over a connection of our
 * own, knows no domain of that UUID. libvirt removes the definition only after the target has
 * confirmed and the source's QEMU has been killed, so the guest can't run there, and what is here
 * is its newest. A source that can't be asked is waited for; so is a transient guest, which leaves
 * no definition to be removed. The source's daemon has the first word: this waits a moment, and
 * then for the API server to say that it still has not spoken.
 */
final class OrphanedHandOver {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(OrphanedHandOver.class));
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final Duration FIRST_WORD = Duration.ofSeconds(3);
  private static final Duration PEER_DEADLINE = Duration.ofSeconds(5);

  private final Hypervisor hypervisor;
  private final SourceSide sourceSide;
  private final InstantSource clock;
  private final Map<String, Instant> heldSince = new ConcurrentHashMap<>();

  OrphanedHandOver(Hypervisor hypervisor, SourceSide sourceSide, InstantSource clock) {
    this.hypervisor = hypervisor;
    this.sourceSide = sourceSide;
    this.clock = clock;
  }

  /** What came of a look. */
  record Outcome(boolean resumed, Optional<Duration> again) {
    private static final Outcome NEVER = new Outcome(false, Optional.empty());
    private static final Outcome LATER = new Outcome(false, Optional.of(LOOK_EVERY));
  }

  /** Looks, and resumes the guest if that is left to this host. */
  Outcome look(LiveMigration migration) throws HypervisorException {
    var uid = migration.getMetadata().getUid();
    var text = migration.getStatus().domainUuid();
    if (text == null || !isLeftToThisHost(migration)) {
      heldSince.remove(uid);
      return Outcome.NEVER;
    }
    var uuid = UUID.fromString(text);
    if (!isHeldHere(uuid)) {
      heldSince.remove(uid);
      return Outcome.LATER;
    }
    var now = clock.instant();
    var since = heldSince.computeIfAbsent(uid, _ -> now);
    if (since.plus(FIRST_WORD).isAfter(now)) {
      return Outcome.LATER;
    }
    var fresh = sourceSide.now(migration);
    if (fresh.isEmpty()
        || !fresh.get().getMetadata().getUid().equals(uid)
        || !isLeftToThisHost(fresh.get())
        || !isGoneFromTheSource(fresh.get(), uuid)
        || !isHeldHere(uuid)) {
      return Outcome.LATER;
    }
    var evidence =
        new Evidence(
            true,
            Release.Undefined,
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
        .log("The source has let go of the guest and its daemon is silent: resumed from here");
    return new Outcome(true, Optional.empty());
  }

  void forget(LiveMigration migration) {
    heldSince.remove(migration.getMetadata().getUid());
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

  private boolean isHeldHere(UUID uuid) throws HypervisorException {
    return hypervisor
        .domain(uuid)
        .filter(domain -> domain.run() == DomainState.Run.Paused)
        .isPresent();
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
