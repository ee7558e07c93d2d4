package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.PhaseTimes;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The facts of one reconcile. Steps see nothing else: what they answer depends on this value alone.
 *
 * @param nodes by name
 * @param givenUp hosts that saw the machine, and see nothing any more ({@code Cluster#isGivenUp})
 * @param peers all other migrations that have not ended
 */
public record MigrationContext(
    LiveMigration migration,
    Optional<VirtualMachine> machine,
    Map<String, NodeFacts> nodes,
    Set<String> givenUp,
    List<Peer> peers,
    Instant now) {

  /** How long a daemon may take to answer in PreMigration and Reservation. */
  public static final Duration DAEMON_DEADLINE = Duration.ofSeconds(60);

  /** How long a node that is needed may be away before the migration fails for it. */
  public static final Duration NODE_GRACE = Duration.ofSeconds(30);

  /** How long a wait without a deadline may take before it is shown as stalled. */
  public static final Duration STALLED_AFTER = Duration.ofSeconds(60);

  private static final LiveMigrationStatus NONE = LiveMigrationStatus.builder().build();

  public LiveMigrationSpec spec() {
    return migration.getSpec();
  }

  public LiveMigrationStatus status() {
    return migration.getStatus() == null ? NONE : migration.getStatus();
  }

  public Phase phase() {
    return status().phaseValue();
  }

  public boolean deleting() {
    return migration.getMetadata().getDeletionTimestamp() != null;
  }

  /** Why it is to end, if somebody asked for that. */
  public Optional<Reason> askedToEnd() {
    if (deleting()) {
      return Optional.of(Reason.Deleted);
    }
    return spec().abortRequested() ? Optional.of(Reason.AbortRequested) : Optional.empty();
  }

  /** The report of the node that is the source now. */
  public Optional<SourceReport> source() {
    return status().currentSource();
  }

  /** The report of the node that is the target now. */
  public Optional<TargetReport> target() {
    return status().currentTarget();
  }

  /** What a report of the source says, as one word to switch over. */
  public Optional<SourceReport.State> sourceState() {
    return source().map(SourceReport::state);
  }

  public String sourceNode() {
    String node = status().sourceNode();
    return node == null ? "the source" : node;
  }

  public String targetNode() {
    String node = status().targetNode();
    return node == null ? "the target" : node;
  }

  public Instant created() {
    String timestamp = migration.getMetadata().getCreationTimestamp();
    return timestamp == null ? now : Instant.parse(timestamp);
  }

  /**
   * Until when this attempt is held back: until {@code spec.notBefore}, and the end of the pause
   * after the attempt before.
   */
  public Optional<Instant> heldUntil() {
    return Stream.of(spec().earliestStart(), Attempts.backoffEnd(this))
        .flatMap(Optional::stream)
        .max(Instant::compareTo);
  }

  /** From when on this attempt could have begun: its creation, or {@link #heldUntil}. */
  public Instant dueAt() {
    Instant created = created();
    return heldUntil().filter(created::isBefore).orElse(created);
  }

  /** When the entry of that name began; creation if there is none. */
  public Instant since(String entry) {
    List<PhaseTimes> phases = status().phases();
    if (phases == null) {
      return created();
    }
    return phases.stream()
        .filter(p -> p.phase().equals(entry))
        .reduce((first, second) -> second)
        .map(p -> Instant.parse(p.startedAt()))
        .orElseGet(this::created);
  }

  public Instant phaseSince() {
    return since(phase().name());
  }

  /** What is left of {@code deadline} after the beginning of this phase; zero or less: over. */
  public Duration leftOf(Duration deadline) {
    return Duration.between(now, phaseSince().plus(deadline));
  }

  /** This migration, as the others see it. */
  public Peer self() {
    return Peer.of(migration, now, Set.of());
  }

  /** Others that want to move the same virtual machine. */
  public List<Peer> rivals() {
    Peer self = self();
    return peers.stream()
        .filter(
            p ->
                !p.dryRun()
                    && p.namespace().equals(self.namespace())
                    && p.virtualMachineName().equals(self.virtualMachineName()))
        .toList();
  }

  /** Whether it is certain that nothing runs on that node. */
  public boolean isFenced(@Nullable String node) {
    NodeFacts facts = node == null ? null : nodes.get(node);
    return facts != null && facts.fenced();
  }

  /** What hosts see of the virtual machine; one that is fenced or given up sees nothing. */
  public List<Sighting> sightings() {
    return machine
        .map(VirtualMachine::getStatus)
        .map(VirtualMachineStatus::sightingsOrEmpty)
        .orElse(List.of())
        .stream()
        .filter(s -> !isFenced(s.nodeName()) && !givenUp.contains(s.nodeName()))
        .toList();
  }

  /** Whether the target's daemon sees the guest run: it has arrived, whatever the source says. */
  public boolean guestRunsOnTarget() {
    return sightings().stream()
        .anyMatch(s -> s.nodeName().equals(status().targetNode()) && s.state() == State.Running);
  }

  /**
   * Whether the target's daemon sees the guest as one that has arrived. Means something only once
   * the source has said that it has switched; its owner may have paused it or shut it off since.
   */
  public boolean guestSeenOnTarget() {
    return targetSighting()
        .map(Sighting::state)
        .filter(
            state ->
                switch (state) {
                  case Running, Paused, ShutOff -> true;
                  case Incoming, Outgoing, Other -> false;
                })
        .isPresent();
  }

  /** What the target's daemon sees of the guest. */
  public Optional<Sighting> targetSighting() {
    return sightings().stream().filter(s -> s.nodeName().equals(status().targetNode())).findFirst();
  }
}
