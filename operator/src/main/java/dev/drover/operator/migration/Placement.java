package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which host takes the guest, or is asked next by a dry run: the one with the fewest incoming
 * migrations, then the most free memory, then the first by name. Hosts that can't are listed with
 * all that is in the way as far as it can be told without asking them.
 *
 * @param chosen the target, if one can take the guest now
 * @param rejected who is out, and why
 * @param full who would do, but has no free slot
 * @param away who would do, but is not ready; each has until its grace is over
 * @param awayFor what is left of the longest of those graces
 */
public record Placement(
    Optional<String> chosen,
    List<Candidate> rejected,
    List<String> full,
    List<NodeFacts> away,
    Duration awayFor) {

  /**
   * @param source where the guest is
   * @param exclude who has refused already
   */
  public static Placement choose(MigrationContext context, String source, Set<String> exclude) {
    var slots = new Slots(context);
    Optional<String> named = Optional.ofNullable(context.spec().targetNodeName());
    Map<String, String> selector = selector(context);
    List<Candidate> rejected = new ArrayList<>();
    List<NodeFacts> fit = new ArrayList<>();
    List<String> full = new ArrayList<>();
    List<NodeFacts> away = new ArrayList<>();
    Duration awayFor = Duration.ZERO;
    for (NodeFacts node :
        context.nodes().values().stream().sorted(Comparator.comparing(NodeFacts::name)).toList()) {
      String name = node.name();
      if (exclude.contains(name)
          || (named.isPresent() && !named.get().equals(name))
          || !node.labels().entrySet().containsAll(selector.entrySet())
          || name.equals(source)) {
        continue;
      }
      boolean dryRun = context.spec().dryRunRequested();
      List<Blocker> blockers = blockers(context, node, named.isPresent());
      Duration left = node.ready() ? Duration.ZERO : graceLeft(context, node);
      // A dry run answers for now.
      boolean comesBack = left.isPositive() && !dryRun;
      if (!node.ready() && !comesBack) {
        rejected.add(
            Candidate.of(
                name,
                Stream.concat(
                        Stream.of(Blocker.of(Reason.TargetNotReady, node.readiness().message())),
                        blockers.stream())
                    .toList()));
      } else if (!blockers.isEmpty() && !(dryRun && named.isPresent())) {
        rejected.add(Candidate.of(name, blockers));
      } else if (!node.ready()) {
        away.add(node);
        awayFor = left.compareTo(awayFor) > 0 ? left : awayFor;
      } else if (dryRun) {
        fit.add(node);
      } else if (!slots.incomingFree(node)) {
        full.add(name);
      } else {
        fit.add(node);
      }
    }
    Optional<String> chosen =
        fit.stream()
            .min(
                Comparator.comparingLong((NodeFacts n) -> slots.incoming(n.name()))
                    .thenComparing(Comparator.comparingLong(NodeFacts::freeMemoryBytes).reversed())
                    .thenComparing(NodeFacts::name))
            .map(NodeFacts::name);
    return new Placement(
        chosen, List.copyOf(rejected), List.copyOf(full), List.copyOf(away), awayFor);
  }

  /** What is known against that host without asking it; a named one is asked about the guest. */
  private static List<Blocker> blockers(MigrationContext context, NodeFacts node, boolean isNamed) {
    List<Blocker> blockers = new ArrayList<>();
    closed(node).ifPresent(blockers::add);
    var guest = context.source().map(SourceReport::guest);
    var host = node.host();
    if (!isNamed && guest.isPresent() && host != null) {
      blockers.addAll(HostFacts.against(guest.get(), host));
    }
    return blockers;
  }

  /** Whether an admin has closed the host. */
  public static Optional<Blocker> closed(NodeFacts node) {
    return node.unschedulable()
        ? Optional.of(
            Blocker.of(
                Reason.TargetUnschedulable, node.name() + " is closed for incoming migrations."))
        : Optional.empty();
  }

  /**
   * What is left of the time that a node may be away: from when it went, or from when this attempt
   * was due.
   */
  public static Duration graceLeft(MigrationContext context, NodeFacts node) {
    Instant since = node.readiness().since();
    Instant due = context.dueAt();
    Instant from = since.isAfter(due) ? since : due;
    return Duration.between(context.now(), from.plus(MigrationContext.NODE_GRACE));
  }

  private static Map<String, String> selector(MigrationContext context) {
    var target = context.spec().target();
    return target == null || target.nodeSelector() == null ? Map.of() : target.nodeSelector();
  }

  /** The rejections of before and those of now, the newer one of each node. */
  public static List<Candidate> merge(List<Candidate> before, List<Candidate> now) {
    return List.copyOf(
        Stream.concat(before.stream(), now.stream())
            .collect(
                Collectors.toMap(
                    Candidate::nodeName, Function.identity(), (a, b) -> b, LinkedHashMap::new))
            .values());
  }
}
