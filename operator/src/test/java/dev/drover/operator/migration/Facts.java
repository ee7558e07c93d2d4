package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeSpec;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Shutdown;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Attempt;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.LiveMigrationStatus.PhaseTimes;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineSpec;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.node.Readiness;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Builds the facts of a reconcile for tests; what is not said is as it is on a good day. */
public final class Facts {
  public static final Instant T0 = Instant.parse("2026-11-23T12:00:00Z");
  public static final String UUID = "11111111-1111-1111-1111-111111111111";
  public static final Result RESULT = new Result(42L, 12L, 30L, 900L, 1000L, 3, "Fenced", false);

  private Phase phase = Phase.Pending;
  private boolean written = true;
  private Instant now = T0;
  private String sourceName;
  private String targetName;
  private Map<String, String> selector;
  private boolean abort;
  private Integer ttl;
  private boolean dryRun;
  private LiveMigrationStatus.Forecast forecast;
  private boolean deleting;
  private Failure failure;
  private SourceReport source;
  private TargetReport target;
  private List<LiveMigrationStatus.Candidate> candidates;
  private boolean machine = true;
  private final List<Condition> conditions = new ArrayList<>();
  private List<Sighting> sightings = List.of(sighting("hv1", State.Running));
  private final Map<String, NodeFacts> nodes = new LinkedHashMap<>();
  private final Set<String> givenUp = new HashSet<>();
  private final List<Peer> peers = new ArrayList<>();
  private final List<Attempt> attempts = new ArrayList<>();
  private String notBefore;
  private LiveMigrationSpec.Retry retry;
  private Shutdown shutdown;

  private Facts() {
    node("hv1");
    node("hv2");
  }

  public static Facts in(Phase phase) {
    Facts facts = new Facts();
    facts.phase = phase;
    facts.written = phase != Phase.Pending;
    return facts;
  }

  public Facts after(Duration time) {
    now = T0.plus(time);
    return this;
  }

  public Facts fromNode(String name) {
    sourceName = name;
    return this;
  }

  public Facts toNode(String name) {
    targetName = name;
    return this;
  }

  public Facts toLabels(Map<String, String> labels) {
    selector = labels;
    return this;
  }

  /** {@code mode: Cold}. */
  public Facts cold(Shutdown ofOneThatRuns) {
    shutdown = ofOneThatRuns;
    return this;
  }

  public Facts abort() {
    abort = true;
    return this;
  }

  public Facts ttl(int seconds) {
    ttl = seconds;
    return this;
  }

  public Facts deleted() {
    deleting = true;
    return this;
  }

  public Facts failure(Reason reason) {
    failure = Failure.of(reason, "It went wrong.", null, phase);
    return this;
  }

  public Facts source(SourceReport.State state) {
    return source(state, state.name());
  }

  public Facts source(SourceReport.State state, String reason) {
    source = report(state, reason, "The source says so.", false);
    return this;
  }

  public Facts sourceSays(SourceReport.State state, String message) {
    source = report(state, state.name(), message, false);
    return this;
  }

  public Facts pausedGuest(SourceReport.State state) {
    source = report(state, state.name(), "The source says so.", true);
    return this;
  }

  private static SourceReport report(
      SourceReport.State state, String reason, String message, boolean paused) {
    boolean over =
        switch (state) {
          case Switched, CleanedUp -> true;
          default -> false;
        };
    return new SourceReport(
        "hv1",
        state,
        reason,
        message,
        T0.plusSeconds(1).toString(),
        null,
        reached("hv2"),
        new SourceReport.Guest(
            "vm", paused, true, 1L << 29, 1, "x86_64", "q35", "kvm", null, null, null, List.of()),
        over ? RESULT : null,
        null,
        null);
  }

  public Facts target(TargetReport.State state) {
    return target(state, state.name());
  }

  public Facts target(TargetReport.State state, String reason) {
    target =
        new TargetReport(
            "hv2", state, reason, "The target says so.", T0.toString(), null, List.of());
    return this;
  }

  /** A refusal by a daemon that had made its plan already. */
  public Facts refusedWithPlan(String reason) {
    var plan = new DiskPlan("vda", DiskPlan.Action.Copy, "default", "vm.qcow2", "qcow2", 1L << 30);
    target =
        new TargetReport(
            "hv2",
            TargetReport.State.Refused,
            reason,
            "The target says so.",
            T0.toString(),
            null,
            List.of(plan));
    return this;
  }

  /** Status says why it goes on. */
  public Facts reconciling(Reason reason) {
    conditions.add(Condition.of(ConditionType.Reconciling, Condition.TRUE, reason, "", T0, 1L));
    return this;
  }

  /** Status says that it is stalled. */
  public Facts stalled(Reason reason, String message) {
    conditions.add(Condition.of(ConditionType.Stalled, Condition.TRUE, reason, message, T0, 1L));
    return this;
  }

  public Facts targetReportFrom(String node, TargetReport.State state) {
    target = new TargetReport(node, state, state.name(), null, T0.toString(), null, List.of());
    return this;
  }

  public Facts tried(String node, Reason reason) {
    candidates = List.of(LiveMigrationStatus.Candidate.of(node, reason, "It does not fit."));
    return this;
  }

  public Facts noMachine() {
    machine = false;
    return this;
  }

  public Facts seen(Sighting... seen) {
    sightings = Arrays.asList(seen);
    return this;
  }

  public static Sighting sighting(String node, State state) {
    return new Sighting(node, state, null, true, 1L << 29, 1, T0.toString());
  }

  public Facts node(String name) {
    return node(name, true, false, 2, 2, 1L << 30, Map.of());
  }

  /** As {@link #away(String)}, since so many seconds after the beginning. */
  public Facts away(String name, int secondsAfter) {
    away(name);
    nodes.computeIfPresent(
        name,
        (n, f) ->
            new NodeFacts(
                n,
                f.labels(),
                f.unschedulable(),
                f.maxIncoming(),
                f.maxOutgoing(),
                f.freeMemoryBytes(),
                f.host(),
                new Readiness(
                    false,
                    f.readiness().reason(),
                    f.readiness().message(),
                    T0.plusSeconds(secondsAfter),
                    Optional.empty())));
    return this;
  }

  public Facts node(
      String name,
      boolean ready,
      boolean unschedulable,
      int in,
      int out,
      long free,
      Map<String, String> labels) {
    nodes.put(
        name,
        new NodeFacts(
            name,
            labels,
            unschedulable,
            in,
            out,
            free,
            null,
            new Readiness(
                ready,
                ready ? Reason.HeartbeatSeen : Reason.HeartbeatLost,
                ready ? name + " is ready." : name + " is away.",
                T0,
                Optional.empty())));
    return this;
  }

  public Facts away(String name) {
    return node(name, false, false, 2, 2, 1L << 30, Map.of());
  }

  public Facts fenced(String name) {
    away(name);
    nodes.computeIfPresent(
        name,
        (n, f) ->
            new NodeFacts(
                n,
                f.labels(),
                f.unschedulable(),
                f.maxIncoming(),
                f.maxOutgoing(),
                f.freeMemoryBytes(),
                f.host(),
                new Readiness(false, Reason.HostFenced, n + " is fenced.", T0, Optional.empty())));
    return this;
  }

  /** Its object was deleted, and its daemon is silent. */
  public Facts givenUp(String name) {
    givenUp.add(name);
    return withoutNode(name);
  }

  public Facts withoutNode(String name) {
    nodes.remove(name);
    return this;
  }

  public Facts peer(
      String name, String vm, Phase in, String from, String to, int secondsOlder, String... slots) {
    peers.add(
        new Peer(
            "uid-" + name,
            "default",
            name,
            vm,
            in,
            from,
            to,
            T0.minusSeconds(secondsOlder),
            false,
            in != Phase.Pending,
            false,
            0,
            Set.of(slots)));
    return this;
  }

  /** That migration of before is a dry run. */
  public Facts thatIsADryRun() {
    Peer last = peers.removeLast();
    peers.add(
        new Peer(
            last.uid(),
            last.namespace(),
            last.name(),
            last.virtualMachineName(),
            last.phase(),
            last.sourceNode(),
            last.targetNode(),
            last.created(),
            true,
            last.begun(),
            false,
            0,
            last.waitingFor()));
    return this;
  }

  public Facts dryRun() {
    dryRun = true;
    forecast =
        new LiveMigrationStatus.Forecast(
            12, 1L << 30, 90, true, LiveMigrationStatus.Forecast.Confidence.Medium, 5, 100, null);
    return this;
  }

  /** All hosts have been asked; the probes are being removed. */
  public Facts allIsKnown() {
    conditions.add(
        Condition.of(
            ConditionType.Reconciling, Condition.TRUE, Reason.CleaningUp, "All is known.", T0, 1L));
    return this;
  }

  public Facts fits(String node) {
    candidates = List.of(LiveMigrationStatus.Candidate.fits(node, "It fits."));
    return this;
  }

  /** The guest can't be moved, to whatever host; a dry run describes it all the same. */
  public Facts guestBlockedBy(Reason... reasons) {
    SourceReport before = report(SourceReport.State.Inspected, reasons[0].name(), "", false);
    source =
        new SourceReport(
            before.nodeName(),
            before.state(),
            before.reason(),
            before.message(),
            before.since(),
            blockers(reasons),
            before.reach(),
            before.guest(),
            null,
            null,
            null);
    return this;
  }

  private static SourceReport.Reach reached(String node) {
    return new SourceReport.Reach(node, true, null);
  }

  /** What the source has found out about the way to that host. */
  public Facts reach(String node, boolean reached) {
    source =
        new SourceReport(
            source.nodeName(),
            source.state(),
            source.reason(),
            source.message(),
            source.since(),
            source.blockers(),
            new SourceReport.Reach(node, reached, reached ? null : "no route to host"),
            source.guest(),
            null,
            null,
            null);
    return this;
  }

  public Facts noForecast() {
    forecast = null;
    return this;
  }

  public Facts noTarget() {
    target = null;
    return this;
  }

  public Facts guestOnMachine(String machineType) {
    source =
        new SourceReport(
            "hv1",
            SourceReport.State.Inspected,
            "Inspected",
            null,
            T0.toString(),
            null,
            reached("hv2"),
            new SourceReport.Guest(
                "vm",
                false,
                true,
                1L << 29,
                1,
                "x86_64",
                machineType,
                "kvm",
                null,
                null,
                null,
                List.of()),
            null,
            null,
            null);
    return this;
  }

  public Facts targetBlockedBy(Reason... reasons) {
    target =
        new TargetReport(
            "hv2",
            TargetReport.State.Refused,
            reasons[0].name(),
            "The target says so.",
            T0.toString(),
            blockers(reasons),
            null);
    return this;
  }

  private static List<LiveMigrationStatus.Blocker> blockers(Reason... reasons) {
    return Arrays.stream(reasons)
        .map(r -> LiveMigrationStatus.Blocker.of(r, "That is " + r + "."))
        .toList();
  }

  /** The source has tried the way to that host, and that is in it. */
  public Facts wayBlockedBy(String node, Reason reason) {
    reach(node, false);
    source =
        new SourceReport(
            source.nodeName(),
            source.state(),
            source.reason(),
            source.message(),
            source.since(),
            source.blockers(),
            new SourceReport.Reach(node, false, "The way.", blockers(reason), null),
            source.guest(),
            null,
            null,
            null);
    return this;
  }

  /** The target takes the guest, and warns. */
  public Facts targetWarnsOf(Reason reason) {
    target =
        new TargetReport(
            "hv2",
            TargetReport.State.Checked,
            "TargetChecked",
            "It fits.",
            T0.toString(),
            null,
            List.of(),
            null,
            null,
            null,
            blockers(reason),
            null);
    return this;
  }

  /** How far that host's clock is ahead of the API server's. */
  public Facts clock(String name, long offsetMilliseconds) {
    nodes.computeIfPresent(
        name,
        (n, f) ->
            new NodeFacts(
                n,
                f.labels(),
                f.unschedulable(),
                f.maxIncoming(),
                f.maxOutgoing(),
                f.freeMemoryBytes(),
                new HypervisorNodeStatus(
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    offsetMilliseconds,
                    null,
                    null),
                f.readiness()));
    return this;
  }

  /** What that node's daemon has written of its host. */
  public Facts host(String name, String qemu, long memoryBytes, String... pools) {
    nodes.computeIfPresent(
        name,
        (n, f) ->
            new NodeFacts(
                n,
                f.labels(),
                f.unschedulable(),
                f.maxIncoming(),
                f.maxOutgoing(),
                f.freeMemoryBytes(),
                new HypervisorNodeStatus(
                    null,
                    null,
                    null,
                    null,
                    qemu,
                    "x86_64",
                    null,
                    null,
                    memoryBytes,
                    null,
                    null,
                    Arrays.stream(pools)
                        .map(p -> new HypervisorNodeStatus.Pool(p, true, 1, 1))
                        .toList()),
                f.readiness()));
    return this;
  }

  /** Another migration that is not what it is on a good day. */
  public Facts peer(Peer peer) {
    peers.add(peer);
    return this;
  }

  public Facts notBefore(String time) {
    notBefore = time;
    return this;
  }

  public Facts retry(Integer maxAttempts, Integer backoffSeconds, Boolean onlyOtherTargets) {
    retry = new LiveMigrationSpec.Retry(maxAttempts, backoffSeconds, onlyOtherTargets);
    return this;
  }

  /** An attempt went to that host and failed just now; the present one is the next. */
  public Facts attempted(String target, Reason reason) {
    attempts.add(
        new Attempt(
            attempts.size() + 1,
            "hv1",
            target,
            T0.toString(),
            T0.toString(),
            reason.name(),
            "It went wrong."));
    written = true;
    return this;
  }

  public MigrationContext context() {
    return new MigrationContext(
        migration(),
        machine ? Optional.of(machine("vm", sightings)) : Optional.empty(),
        Map.copyOf(nodes),
        Set.copyOf(givenUp),
        List.copyOf(peers),
        now);
  }

  public LiveMigration migration() {
    LiveMigration migration = migration("m", "vm", spec());
    if (deleting) {
      migration.getMetadata().setDeletionTimestamp(now.toString());
    }
    if (written) {
      List<PhaseTimes> times = new ArrayList<>();
      times.add(new PhaseTimes("Pending", T0.toString(), T0.toString()));
      if (phase != Phase.Pending) {
        times.add(
            new PhaseTimes(
                phase.isTerminal() ? "PreCopy" : phase.name(),
                T0.toString(),
                failure != null || phase.isTerminal() ? T0.toString() : null));
      }
      if (failure != null && !phase.isTerminal()) {
        times.add(new PhaseTimes("CleaningUp", T0.toString(), null));
      }
      migration.setStatus(
          LiveMigrationStatus.builder()
              .phase(phase)
              .sourceNode(phase == Phase.Pending ? null : "hv1")
              .targetNode(phase == Phase.Pending ? null : "hv2")
              .domainUuid(phase == Phase.Pending ? null : UUID)
              .attempt(attempts.isEmpty() ? null : attempts.size() + 1)
              .attempts(attempts.isEmpty() ? null : List.copyOf(attempts))
              .phases(times)
              .candidates(candidates)
              .forecast(forecast)
              .failure(failure)
              .conditions(conditions.isEmpty() ? null : List.copyOf(conditions))
              .source(source)
              .target(target)
              .build());
    }
    return migration;
  }

  private LiveMigrationSpec spec() {
    return LiveMigrationSpec.builder("vm")
        .source(sourceName == null ? null : new LiveMigrationSpec.Source(sourceName))
        .target(
            targetName == null && selector == null
                ? null
                : new LiveMigrationSpec.Target(targetName, selector))
        .mode(shutdown == null ? null : LiveMigrationSpec.Mode.Cold)
        .shutdown(shutdown)
        .abort(abort ? true : null)
        .notBefore(notBefore)
        .retry(retry)
        .dryRun(dryRun ? true : null)
        .ttlSecondsAfterFinished(ttl)
        .build();
  }

  static LiveMigration migration(String name, String vm, LiveMigrationSpec spec) {
    var migration = new LiveMigration();
    migration.setMetadata(
        new ObjectMetaBuilder()
            .withName(name)
            .withNamespace("default")
            .withUid("uid-" + name)
            .withGeneration(1L)
            .withResourceVersion("1")
            .withCreationTimestamp(T0.toString())
            .build());
    migration.setSpec(spec);
    return migration;
  }

  public static VirtualMachine machine(String name, List<Sighting> sightings) {
    var machine = new VirtualMachine();
    machine.setMetadata(
        new ObjectMetaBuilder()
            .withName(name)
            .withNamespace("default")
            .withUid("uid-" + name)
            .withGeneration(1L)
            .withResourceVersion("1")
            .build());
    machine.setSpec(new VirtualMachineSpec(UUID, name));
    machine.setStatus(new VirtualMachineStatus(null, null, sightings));
    return machine;
  }

  public static HypervisorNode node(String name, int maxIncoming, int maxOutgoing) {
    var node = new HypervisorNode();
    node.setMetadata(
        new ObjectMetaBuilder()
            .withName(name)
            .withUid("uid-" + name)
            .withGeneration(1L)
            .withResourceVersion("1")
            .withCreationTimestamp(T0.toString())
            .build());
    node.setSpec(new HypervisorNodeSpec(null, null, maxIncoming, maxOutgoing, null, null));
    node.setStatus(
        new HypervisorNodeStatus(
            List.of(
                Condition.of(
                    ConditionType.LibvirtConnected,
                    Condition.TRUE,
                    Reason.LibvirtConnected,
                    "It is.",
                    T0,
                    1L)),
            "10.0.0.1",
            null,
            null,
            null,
            null,
            null,
            null,
            1L << 34,
            1L << 30,
            null,
            null));
    return node;
  }
}
