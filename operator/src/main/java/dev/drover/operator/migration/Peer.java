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
 * @param begun it has passed Pending, in this attempt or in an earlier one
 * @param early it waits for {@code spec.notBefore} and holds nothing
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
    boolean begun,
    boolean early,
    int priority,
    Set<String> waitingFor) {

  /** First come, first served; names decide within a second. */
  static final Comparator<Peer> BY_AGE =
      Comparator.comparing(Peer::created).thenComparing(Peer::namespace).thenComparing(Peer::name);

  static Peer of(LiveMigration migration, Instant now, Set<String> waitingFor) {
    var metadata = migration.getMetadata();
    var status = migration.getStatus();
    boolean begun =
        status != null && (status.phaseValue() != Phase.Pending || status.attemptNumber() > 1);
    Instant from = migration.getSpec().earliestStart().orElse(Instant.MIN);
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
        begun,
        !begun && from.isAfter(now),
        migration.getSpec().priorityOrDefault(),
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
        true,
        false,
        priority,
        waitingFor);
  }

  /**
   * Whether this one, not {@code other}, is to move the virtual machine that both want: the one
   * that has begun, else the older one. One that waits for its time is in nobody's way.
   */
  public boolean hasRightBefore(Peer other) {
    return phase != Phase.Pending
        || (!early && (begun == other.begun ? isOlderThan(other) : begun));
  }

  /** Whether this one gets a slot that both wait for: higher priority first, then the older one. */
  public boolean isServedBefore(Peer other) {
    return priority == other.priority ? isOlderThan(other) : priority > other.priority;
  }

  public boolean isOlderThan(Peer other) {
    return BY_AGE.compare(this, other) < 0;
  }
}
