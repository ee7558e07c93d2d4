package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import java.time.Instant;
import java.util.Comparator;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Another migration that has not ended, as far as it can stand in the way.
 *
 * @param dryRun it only asks: it takes no slot, and stands in nobody's way
 * @param waitingFor slots that it waits for ({@link Slots#incomingOf})
 */
public record Peer(
    String uid,
    String namespace,
    String name,
    String virtualMachineName,
    Phase phase,
    @Nullable String sourceNode,
    @Nullable String targetNode,
    Instant created,
    boolean dryRun,
    Set<String> waitingFor) {

  /** First come, first served; names decide within a second. */
  static final Comparator<Peer> BY_AGE =
      Comparator.comparing(Peer::created).thenComparing(Peer::namespace).thenComparing(Peer::name);

  static Peer of(LiveMigration migration, Instant now, Set<String> waitingFor) {
    var metadata = migration.getMetadata();
    var status = migration.getStatus();
    return new Peer(
        metadata.getUid(),
        metadata.getNamespace(),
        metadata.getName(),
        migration.getSpec().virtualMachineName(),
        status == null ? Phase.Pending : status.phaseValue(),
        status == null ? null : status.sourceNode(),
        status == null ? null : status.targetNode(),
        metadata.getCreationTimestamp() == null
            ? now
            : Instant.parse(metadata.getCreationTimestamp()),
        migration.getSpec().dryRunRequested(),
        waitingFor);
  }

  Peer withClaim(String source, String target) {
    return new Peer(
        uid,
        namespace,
        name,
        virtualMachineName,
        phase == Phase.Pending ? Phase.PreMigration : phase,
        source,
        target,
        created,
        dryRun,
        waitingFor);
  }

  public boolean isOlderThan(Peer other) {
    return BY_AGE.compare(this, other) < 0;
  }
}
