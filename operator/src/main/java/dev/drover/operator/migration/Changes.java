package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Queue;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a step wants changed in status besides phase and conditions. Null leaves a field as it is;
 * only {@code queue} is always replaced, because it belongs to one wait.
 *
 * @param forgetFailure the abort came too late: {@code status.failure} is removed
 * @param waitingFor slots that are waited for; kept in memory, not in status
 */
public record Changes(
    @Nullable String sourceNode,
    @Nullable String targetNode,
    @Nullable String domainUuid,
    @Nullable Queue queue,
    @Nullable List<Candidate> candidates,
    boolean forgetFailure,
    @Nullable Result result,
    Set<String> waitingFor) {
  /** As many hosts as status has room for, and therefore as many as are asked. */
  public static final int MAX_CANDIDATES = 64;

  public static final Changes NONE =
      new Changes(null, null, null, null, null, false, null, Set.of());

  public Changes placed(String source, String target, String uuid) {
    return new Changes(source, target, uuid, queue, candidates, forgetFailure, result, waitingFor);
  }

  public Changes retargeted(String target) {
    return new Changes(
        sourceNode, target, domainUuid, queue, candidates, forgetFailure, result, waitingFor);
  }

  public Changes queued(@Nullable Integer position, List<String> reasons, Set<String> slots) {
    return new Changes(
        sourceNode,
        targetNode,
        domainUuid,
        new Queue(position, reasons.stream().limit(16).toList()),
        candidates,
        forgetFailure,
        result,
        Set.copyOf(slots));
  }

  public Changes candidates(List<Candidate> value) {
    return new Changes(
        sourceNode,
        targetNode,
        domainUuid,
        queue,
        value.stream().limit(MAX_CANDIDATES).toList(),
        forgetFailure,
        result,
        waitingFor);
  }

  public Changes tooLateToFail() {
    return new Changes(
        sourceNode, targetNode, domainUuid, queue, candidates, true, result, waitingFor);
  }

  public Changes result(@Nullable Result value) {
    return new Changes(
        sourceNode, targetNode, domainUuid, queue, candidates, forgetFailure, value, waitingFor);
  }
}
