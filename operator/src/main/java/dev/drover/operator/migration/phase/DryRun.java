package dev.drover.operator.migration.phase;

import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Candidate;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Forecast;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Reach;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.operator.migration.Changes;
import dev.drover.operator.migration.MigrationContext;
import dev.drover.operator.migration.NodeFacts;
import dev.drover.operator.migration.Placement;
import dev.drover.operator.migration.Progress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The checks without the migration: each host in turn is made the target, says what is in its way,
 * and makes room for the next one. All of it happens in PreMigration, before anything is made that
 * would have to be undone, except for the source's probes, which go before it ends.
 */
final class DryRun {
  /** From when the last host was asked; a sampling takes 3 s. */
  private static final Duration FORECAST_DEADLINE = Duration.ofSeconds(10);

  private DryRun() {}

  /** The source has described the guest. */
  static Progress afterInspection(MigrationContext context, SourceReport source) {
    if (allIsKnown(context)) {
      return waitForProbesToGo(context);
    }
    if (context.target().isEmpty() || reach(context, source).isEmpty()) {
      Duration left = context.leftOf(MigrationContext.DAEMON_DEADLINE);
      if (left.isPositive()) {
        return Progress.quiet(left);
      }
    }
    List<Candidate> asked =
        Placement.merge(PreMigrationStep.candidates(context), List.of(judge(context, source)));
    Set<String> exclude = asked.stream().map(Candidate::nodeName).collect(Collectors.toSet());
    Placement placement = Placement.choose(context, context.sourceNode(), exclude);
    if (placement.chosen().isPresent() && asked.size() < Changes.MAX_CANDIDATES) {
      String next = placement.chosen().get();
      return Progress.become(
          Phase.PreMigration,
          Reason.Checking,
          context.sourceNode() + " and " + next + " check that the migration can work.",
          Changes.NONE.candidates(asked).retargeted(next));
    }
    return conclude(context, source, Placement.merge(asked, placement.rejected()));
  }

  /** The source's probes are gone: it ends well, and names the host that would be taken. */
  static Progress afterCleanUp(MigrationContext context) {
    List<String> fitting =
        PreMigrationStep.candidates(context).stream()
            .filter(Candidate::fits)
            .map(Candidate::nodeName)
            .toList();
    if (!allIsKnown(context) || fitting.isEmpty()) {
      return Progress.stalled(
          Reason.WaitingForDaemon,
          context.sourceNode() + " says that it is over, which nobody has asked for.");
    }
    return Progress.become(
        Phase.Succeeded,
        Reason.CheckPassed,
        "The migration would work; %s %s the guest, nothing was moved.%s"
            .formatted(
                String.join(", ", fitting),
                fitting.size() == 1 ? "can take" : "can each take",
                expected(context.status().forecast())),
        Changes.NONE.retargeted(fitting.getFirst()));
  }

  /** What the source has said of the host that is asked now. */
  private static Optional<Reach> reach(MigrationContext context, SourceReport source) {
    return Optional.ofNullable(source.reach())
        .filter(reach -> reach.nodeName().equals(context.targetNode()));
  }

  private static String expected(@Nullable Forecast forecast) {
    if (forecast == null) {
      return " There is no forecast.";
    }
    return forecast.converges()
        ? " It would take some %d s, and the guest would stand still for %d ms."
            .formatted(forecast.seconds(), forecast.downtimeMilliseconds())
        : " But it would not converge within its limits: the guest writes %d MiB/s, the way is good for %d MiB/s."
            .formatted(forecast.dirtyRateMiBps(), forecast.throughputMiBps());
  }

  /** Said by {@link #conclude}; the source's daemon goes by it, too. */
  private static boolean allIsKnown(MigrationContext context) {
    return context
        .status()
        .condition(ConditionType.Reconciling)
        .filter(c -> c.reason().equals(Reason.CleaningUp.name()))
        .isPresent();
  }

  private static Candidate judge(MigrationContext context, SourceReport source) {
    String name = context.targetNode();
    List<Blocker> blockers = new ArrayList<>(source.blockersOrEmpty());
    NodeFacts node = context.nodes().get(name);
    if (node != null) {
      Placement.closed(node).ifPresent(blockers::add);
    }
    if (context.target().isEmpty()) {
      // The source tries the way once the target has said where.
      blockers.add(Silence.ofTarget(context).blocker());
      return Candidate.of(name, blockers);
    }
    TargetReport target = context.target().get();
    Optional<Reach> reach = reach(context, source);
    blockers.addAll(
        reach
            .map(r -> way(context.sourceNode(), name, r))
            .orElseGet(() -> List.of(Silence.ofSource(context).blocker())));
    blockers.addAll(target.blockersOrEmpty());
    List<Blocker> warnings = new ArrayList<>(target.warningsOrEmpty());
    reach.ifPresent(r -> warnings.addAll(r.warningsOrEmpty()));
    Clocks.skew(context, name).ifPresent(warnings::add);
    return candidate(name, target, blockers).warning(warnings);
  }

  private static Candidate candidate(String name, TargetReport target, List<Blocker> blockers) {
    if (!blockers.isEmpty()) {
      return Candidate.of(name, blockers);
    }
    return target.state() == TargetReport.State.Clean
        ? Candidate.of(name, Reason.CleaningUp, name + " says that the migration has ended.")
        : Candidate.fits(name, target.message() == null ? "It fits." : target.message());
  }

  private static List<Blocker> way(String source, String target, Reach reach) {
    if (reach.reached() || !reach.blockersOrEmpty().isEmpty()) {
      return reach.blockersOrEmpty();
    }
    return List.of( // of an older daemon, which tries libvirt only
        Blocker.of(
            Reason.ConnectionToTargetFailed,
            "%s does not reach %s: %s".formatted(source, target, reach.message())));
  }

  private static Progress conclude(
      MigrationContext context, SourceReport source, List<Candidate> all) {
    Changes changes = Changes.NONE.candidates(all);
    if (all.stream().anyMatch(Candidate::fits)) {
      Duration left = context.leftOf(FORECAST_DEADLINE);
      boolean expected = context.status().forecast() == null && !context.spec().cold();
      if (expected && left.isPositive()) {
        return Progress.quiet(left);
      }
      return Progress.become(
          Phase.PreMigration,
          Reason.CleaningUp,
          "All hosts have answered; " + context.sourceNode() + " removes its probes.",
          changes);
    }
    if (!source.blockersOrEmpty().isEmpty()) {
      // Whatever the host.
      return Progress.failAsReported(
          context,
          source.blockersOrEmpty().getFirst().reason(),
          Blocker.sentence(source.blockersOrEmpty()),
          context.sourceNode(),
          changes);
    }
    return PreMigrationStep.noneFits(context, all, changes);
  }

  private static Progress waitForProbesToGo(MigrationContext context) {
    String message = "Waiting for " + context.sourceNode() + " to remove its probes.";
    Duration left = context.leftOf(MigrationContext.STALLED_AFTER);
    return left.isPositive()
        ? Progress.waitFor(Reason.CleaningUp, message, left, Changes.NONE)
        : Progress.stalled(Reason.CleaningUp, message);
  }
}
