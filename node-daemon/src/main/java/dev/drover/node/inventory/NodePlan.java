package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNodeStatus;
import dev.drover.api.v1alpha1.HypervisorNodeStatus.Pool;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.Text;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.HostFacts;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.way.CertificateState;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The HypervisorNode: what this host is, what was written of it, and what follows. What decides
 * where a guest may go (connection, facts, which pools are active) is written at once; figures that
 * move by themselves at most every {@link #FIGURES}. Pure, and thread-safe.
 */
final class NodePlan {
  /** Counters, memory in use, room in pools. */
  static final Duration FIGURES = Duration.ofSeconds(30);

  /**
   * How often the object is looked at although nothing has changed: somebody may have removed it.
   */
  static final Duration CONFIRM_AFTER = Duration.ofMinutes(1);

  /** A clock is news only if it is off by that much more or less than was told. */
  static final Duration CLOCK_STEP = Duration.ofSeconds(1);

  /** Room in a pool is told in steps of this, so that it stays still when little happens. */
  static final long STEP_BYTES = 16L << 20;

  private static final int MAX_POOLS = 64;

  /** What is to be done next. */
  sealed interface Step {

    /** Read what the object has. */
    record Read() implements Step {}

    record Apply(HypervisorNodeStatus status) implements Step {}

    /** Nothing, for that long. */
    record Wait(Duration delay) implements Step {}
  }

  private record Figures(long guestMemoryBytes, int guests, List<Pool> pools) {}

  private record Seen(HostFacts facts, Figures figures) {}

  private final String migrationAddress;
  private @Nullable Boolean connected;
  private @Nullable Seen seen;
  private @Nullable Long clockOffsetMilliseconds;
  private @Nullable CertificateState certificates;
  private @Nullable HypervisorNodeStatus written;
  private @Nullable Instant figuresWritten;
  private @Nullable Instant confirmed;

  NodePlan(String migrationAddress) {
    this.migrationAddress = migrationAddress;
  }

  /** Whether the daemon talks to its libvirt now. */
  synchronized void connected(boolean now) {
    connected = now;
  }

  /** How it stands with this host's certificates, or that it goes without. */
  synchronized void certificates(CertificateState now) {
    certificates = now;
  }

  /** How far this host's clock is ahead of the API server's. */
  synchronized void clockOffset(long milliseconds) {
    clockOffsetMilliseconds = milliseconds;
  }

  /**
   * What is told of the clock: what was told before, as long as that is not off by {@link
   * #CLOCK_STEP}. A measurement that settles down is no news.
   */
  private @Nullable Long toldClockOffset() {
    var told = written == null ? null : written.clockOffsetMilliseconds();
    var now = clockOffsetMilliseconds;
    return now == null || (told != null && Math.abs(now - told) < CLOCK_STEP.toMillis())
        ? told
        : now;
  }

  synchronized void observe(
      HostFacts facts, Collection<DomainState> domains, Collection<PoolState> pools) {
    var active = domains.stream().filter(d -> d.run().isActive()).toList();
    seen =
        new Seen(
            facts,
            new Figures(
                active.stream().mapToLong(DomainState::memoryBytes).sum(),
                active.size(),
                pools.stream()
                    .sorted(Comparator.comparing(PoolState::name))
                    .limit(MAX_POOLS)
                    .map(NodePlan::pool)
                    .toList()));
  }

  private static Pool pool(PoolState pool) {
    return new Pool(
        pool.name(),
        pool.active(),
        pool.capacityBytes(),
        pool.availableBytes() / STEP_BYTES * STEP_BYTES);
  }

  /** The API server has that (empty: has no such object). */
  synchronized void read(Optional<HypervisorNodeStatus> status, Instant now) {
    written = status.orElse(null);
    confirmed = now;
  }

  synchronized void applied(HypervisorNodeStatus status, Instant now) {
    if (written == null || !figures(status).equals(figures(written))) {
      figuresWritten = now;
    }
    written = status;
    confirmed = now;
  }

  /** What is to be done now; a wait of at most {@code longest} if nothing is. */
  synchronized Step next(Instant now, Duration longest) {
    if (connected == null || (connected && seen == null)) {
      return new Step.Wait(longest); // the first look is under way: one write instead of two
    }
    if (confirmed == null || new Due(confirmed, CONFIRM_AFTER).remaining(now).isZero()) {
      return new Step.Read();
    }
    var desired = desired(connected, now);
    if (written == null || !withoutFigures(desired).equals(withoutFigures(written))) {
      return new Step.Apply(desired);
    }
    var untilConfirmation = new Due(confirmed, CONFIRM_AFTER).remaining(now);
    if (figures(desired).equals(figures(written))) {
      return new Step.Wait(shorter(untilConfirmation, longest));
    }
    var untilFigures =
        figuresWritten == null ? Duration.ZERO : new Due(figuresWritten, FIGURES).remaining(now);
    return untilFigures.isZero()
        ? new Step.Apply(desired)
        : new Step.Wait(shorter(untilFigures, longest));
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private HypervisorNodeStatus desired(boolean isConnected, Instant now) {
    var conditions =
        Stream.concat(Stream.of(condition(isConnected, now)), certificateCondition(now)).toList();
    if (seen == null) {
      // INVARIANT: an apply is all that its manager says. Without libvirt, what an earlier process
      // found stays said.
      return withConditions(
          written == null ? empty() : written,
          migrationAddress,
          conditions,
          toldClockOffset(),
          certificates);
    }
    var facts = seen.facts();
    var figures = seen.figures();
    return new HypervisorNodeStatus(
        conditions,
        migrationAddress,
        facts.hostUuid().toString(),
        Text.limit(facts.libvirtVersion(), 32),
        Text.limit(facts.qemuVersion(), 32),
        Text.limit(facts.architecture(), 32),
        Text.limit(facts.cpuModel(), 128),
        facts.cpus(),
        facts.memoryBytes(),
        figures.guestMemoryBytes(),
        figures.guests(),
        figures.pools(),
        toldClockOffset(),
        certificates == null && written != null ? written.peerTransport() : transport(certificates),
        certificates == null && written != null
            ? written.certificateNotAfter()
            : notAfter(certificates));
  }

  private Condition condition(boolean isConnected, Instant now) {
    var reason = isConnected ? Reason.LibvirtConnected : Reason.LibvirtUnavailable;
    var previous =
        Optional.ofNullable(written)
            .flatMap(w -> w.condition(ConditionType.LibvirtConnected))
            .orElse(null);
    return Condition.of(
            ConditionType.LibvirtConnected,
            isConnected ? Condition.TRUE : Condition.FALSE,
            reason,
            reason.meaning(),
            now,
            null)
        .replacing(previous);
  }

  /** As it was told, until this process has looked: nobody is to think that they have gone. */
  private Stream<Condition> certificateCondition(Instant now) {
    var previous =
        Optional.ofNullable(written)
            .flatMap(w -> w.condition(ConditionType.CertificatesReady))
            .orElse(null);
    var state = certificates;
    return state == null
        ? Stream.ofNullable(previous)
        : Stream.of(
            Condition.of(
                    ConditionType.CertificatesReady,
                    state.isValid() ? Condition.TRUE : Condition.FALSE,
                    state.reason(),
                    state.message(),
                    now,
                    null)
                .replacing(previous));
  }

  private static HypervisorNodeStatus withConditions(
      HypervisorNodeStatus s,
      String migrationAddress,
      List<Condition> conditions,
      @Nullable Long clockOffset,
      @Nullable CertificateState certificates) {
    return new HypervisorNodeStatus(
        conditions,
        migrationAddress,
        s.hostUuid(),
        s.libvirtVersion(),
        s.qemuVersion(),
        s.architecture(),
        s.cpuModel(),
        s.cpus(),
        s.memoryBytes(),
        s.guestMemoryBytes(),
        s.guests(),
        s.pools(),
        clockOffset,
        certificates == null ? s.peerTransport() : transport(certificates),
        certificates == null ? s.certificateNotAfter() : notAfter(certificates));
  }

  private static @Nullable String transport(@Nullable CertificateState state) {
    if (state == null) {
      return null;
    }
    return state.reason() == Reason.PlainText ? "tcp" : "tls";
  }

  private static @Nullable String notAfter(@Nullable CertificateState state) {
    return state == null ? null : state.notAfter().map(Instant::toString).orElse(null);
  }

  private static HypervisorNodeStatus empty() {
    return new HypervisorNodeStatus(
        null, null, null, null, null, null, null, null, null, null, null, null);
  }

  private static Figures figures(HypervisorNodeStatus s) {
    return new Figures(
        s.guestMemoryBytes() == null ? -1 : s.guestMemoryBytes(),
        s.guests() == null ? -1 : s.guests(),
        s.pools() == null ? List.of() : s.pools());
  }

  /** What is written at once, in a form that can be compared. */
  private static HypervisorNodeStatus withoutFigures(HypervisorNodeStatus s) {
    return new HypervisorNodeStatus(
        Stream.of(ConditionType.LibvirtConnected, ConditionType.CertificatesReady)
            .flatMap(type -> s.condition(type).stream())
            .toList(),
        s.migrationAddress(),
        s.hostUuid(),
        s.libvirtVersion(),
        s.qemuVersion(),
        s.architecture(),
        s.cpuModel(),
        s.cpus(),
        s.memoryBytes(),
        null,
        null,
        s.pools() == null
            ? null
            : s.pools().stream().map(p -> new Pool(p.name(), p.active(), 0, 0)).toList(),
        s.clockOffsetMilliseconds(),
        s.peerTransport(),
        s.certificateNotAfter());
  }
}
