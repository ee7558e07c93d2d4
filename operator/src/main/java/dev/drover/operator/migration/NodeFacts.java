package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeSpec;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.operator.node.Readiness;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the choice of a host goes by.
 *
 * @param maxIncoming migrations to this host at once
 * @param maxOutgoing migrations from this host at once
 * @param freeMemoryBytes what its guests don't use; 0 if its daemon has not said
 * @param host what its daemon wrote last; null if it has not written yet
 */
public record NodeFacts(
    String name,
    Map<String, String> labels,
    boolean unschedulable,
    int maxIncoming,
    int maxOutgoing,
    long freeMemoryBytes,
    @Nullable HypervisorNodeStatus host,
    Readiness readiness) {

  public static NodeFacts of(HypervisorNode node, Readiness readiness) {
    HypervisorNodeSpec spec =
        node.getSpec() == null ? HypervisorNodeSpec.NOTHING_SAID : node.getSpec();
    var status = node.getStatus();
    long free =
        status == null || status.memoryBytes() == null
            ? 0
            : status.memoryBytes() - Objects.requireNonNullElse(status.guestMemoryBytes(), 0L);
    Map<String, String> labels = node.getMetadata().getLabels();
    return new NodeFacts(
        node.getMetadata().getName(),
        labels == null ? Map.of() : Map.copyOf(labels),
        Boolean.TRUE.equals(spec.unschedulable()),
        spec.maxIncomingOrDefault(),
        spec.maxOutgoingOrDefault(),
        free,
        status,
        readiness);
  }

  /** Whether it is certain that nothing runs there. */
  public boolean fenced() {
    return readiness.fenced();
  }

  public boolean ready() {
    return readiness.ready();
  }
}
