package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The story of one migration. Three writers, each with its own fields: the operator (everything but
 * what follows), the source's daemon ({@code source}, {@code progress}, {@code tuning}, {@code
 * decisions}, its conditions) and the target's daemon ({@code target}, its condition). All times
 * are RFC 3339.
 *
 * <p>Status is also the journal: a daemon finds in here what it was about to do when it died.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record LiveMigrationStatus(
    @Nullable Long observedGeneration,
    @JsonPropertyDescription(
            "Where the migration stands; within one attempt phases only go forward.")
        @Size(max = 32)
        @Nullable String phase,
    @Size(max = 16) @Nullable List<Condition> conditions,
    @Size(max = 253) @Nullable String sourceNode,
    @Size(max = 253) @Nullable String targetNode,
    @JsonPropertyDescription("UUID of the libvirt domain.") @Size(max = 36)
        @Nullable String domainUuid,
    @JsonPropertyDescription(
            "Which attempt this is; absent, the first. A daemon's report of another attempt is stale.")
        @Min(1)
        @Nullable Integer attempt,
    @JsonPropertyDescription("Each attempt that has ended, with spec.retry.") @Size(max = 10)
        @Nullable List<Attempt> attempts,
    @JsonPropertyDescription("What it waits for, while Pending.") @Nullable Queue queue,
    @JsonPropertyDescription("When each phase began and ended.") @Size(max = 12)
        @Nullable List<PhaseTimes> phases,
    @JsonPropertyDescription(
            "Each host that was looked at, whether it fits, and if not, all that is in the way.")
        @Size(max = 64)
        @Nullable List<Candidate> candidates,
    @Nullable Progress progress,
    @JsonPropertyDescription("What the transfer is expected to take.") @Nullable Forecast forecast,
    @JsonPropertyDescription("How far the running transfer obeys the spec's tuning.")
        @Nullable Tuning tuning,
    @JsonPropertyDescription("What was decided about the running transfer, the newest last.")
        @Size(max = 16)
        @Nullable List<Decision> decisions,
    @JsonPropertyDescription(
            "Set once the migration is to end without success; it is terminal when all is clean.")
        @Nullable Failure failure,
    @Nullable Result result,
    @Nullable SourceReport source,
    @Nullable TargetReport target) {

  /**
   * One attempt that has ended.
   *
   * @param number from 1
   * @param sourceNode and
   * @param targetNode absent if none had been chosen
   * @param reason {@link Reason#Succeeded}, or why it failed
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Attempt(
      @Required @Min(1) int number,
      @Size(max = 253) @Nullable String sourceNode,
      @Size(max = 253) @Nullable String targetNode,
      @Required @Size(max = 35) String startedAt,
      @Required @Size(max = 35) String finishedAt,
      @Required @Size(max = 64) String reason,
      @Size(max = 1024) @Nullable String message) {}

  /** What a pending migration waits for. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Queue(
      @Min(0) @Max(1000000) @Nullable Integer position,
      @Size(max = 16) @Nullable List<@Size(max = 1024) String> waitingFor) {}

  /** When a phase began and ended. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record PhaseTimes(
      @Required @Size(max = 32) String phase,
      @Required @Size(max = 35) String startedAt,
      @Size(max = 35) @Nullable String finishedAt) {}

  /**
   * Something that keeps a guest from moving, or a host from taking it.
   *
   * @param remedy what a person can do about it ({@link Reason#remedy})
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Blocker(
      @Required @Size(max = 64) String reason,
      @Required @Size(max = 512) String message,
      @Size(max = 512) @Nullable String remedy) {

    /** As many as are told of one guest or one host. */
    public static final int MOST = 16;

    public static Blocker of(Reason reason, String message) {
      return new Blocker(
          reason.name(),
          Text.limit(message, 512),
          reason.remedy().isEmpty() ? null : reason.remedy());
    }

    /** All of them as one sentence. */
    public static String sentence(List<Blocker> blockers) {
      return Text.limit(
          blockers.stream().map(Blocker::message).distinct().collect(Collectors.joining("; ")),
          1024);
    }
  }

  /**
   * A host that was considered as target.
   *
   * @param fits whether it could take the guest when it was asked
   * @param reason of the first blocker, {@link Reason#TargetChecked} if there is none
   * @param blockers all that keeps it from taking the guest, as far as its daemon could tell
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Candidate(
      @Required @Size(max = 253) String nodeName,
      @Required boolean fits,
      @Required @Size(max = 64) String reason,
      @Size(max = 1024) @Nullable String message,
      @Size(max = 512) @Nullable String remedy,
      @Size(max = Blocker.MOST) @Nullable List<Blocker> blockers,
      @JsonPropertyDescription(
              "What does not keep the guest from moving there, but should be known.")
          @Size(max = Blocker.MOST)
          @Nullable List<Blocker> warnings) {

    /** A host that can take the guest. */
    public static Candidate fits(String nodeName, String message) {
      return new Candidate(
          nodeName, true, Reason.TargetChecked.name(), Text.limit(message, 1024), null, null, null);
    }

    /** The same, with what should be known besides. */
    public Candidate warning(List<Blocker> of) {
      return of.isEmpty()
          ? this
          : new Candidate(
              nodeName,
              fits,
              reason,
              message,
              remedy,
              blockers,
              of.stream().distinct().limit(Blocker.MOST).toList());
    }

    public List<Blocker> warningsOrEmpty() {
      return warnings == null ? List.of() : warnings;
    }

    /** A host that can't, and one reason. */
    public static Candidate of(String nodeName, Reason reason, String message) {
      return of(nodeName, List.of(Blocker.of(reason, message)));
    }

    /** A host that can't, and all that is known to be in the way; not empty. */
    public static Candidate of(String nodeName, List<Blocker> blockers) {
      Blocker first = blockers.getFirst();
      return new Candidate(
          nodeName,
          false,
          first.reason(),
          Blocker.sentence(blockers),
          first.remedy(),
          blockers.stream().limit(Blocker.MOST).toList(),
          null);
    }
  }

  /**
   * How far the transfer is, written by the source's daemon at most every 2 s. Rates in MiB/s, as
   * libvirt measured them since the report before.
   *
   * @param percent of the bytes that have to go over, 0 to 100; never falls
   * @param iteration of memory, 0 while only disks are copied
   * @param dirtyRateMiBps how fast the guest writes to its memory
   * @param etaSeconds absent while it can't be told
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Progress(
      @Min(0) @Max(100) int percent,
      @Min(0) int iteration,
      long memoryTotalBytes,
      long memoryProcessedBytes,
      long memoryRemainingBytes,
      long diskTotalBytes,
      long diskProcessedBytes,
      long diskRemainingBytes,
      @Min(0) int throughputMiBps,
      @Min(0) int dirtyRateMiBps,
      @Nullable Integer throttlePercent,
      @Nullable Long etaSeconds,
      long elapsedMilliseconds,
      @Size(max = 35) String updatedAt) {}

  /**
   * What a transfer will take, reckoned from samples of how fast the guest writes to its memory;
   * written by the source's daemon, in a dry run and at the start of each transfer. {@code
   * result.forecastError} says how right it was.
   *
   * @param seconds until the guest runs at the target; if it would not converge, until that is
   *     clear, or until the time is up
   * @param bytes that are sent by then
   * @param downtimeMilliseconds how long the guest would stand still for what is left then
   * @param converges whether it would keep to the limits of the spec
   * @param throughputMiBps what it was reckoned with
   * @param confidence in that throughput, above all
   * @param workingSetMiB what the guest writes to again and again; absent if no bound was found:
   *     then it is taken for all memory that it has in use
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Forecast(
      @Min(0) long seconds,
      @Min(0) long bytes,
      @Min(0) long downtimeMilliseconds,
      @Required boolean converges,
      @Required Confidence confidence,
      @Min(0) long dirtyRateMiBps,
      @Min(0) long throughputMiBps,
      @Min(0) @Nullable Long workingSetMiB) {

    /** What a forecast rests on. The dirty rate is always a sample. */
    public enum Confidence {
      /** The throughput is assumed: 1 Gbit/s. */
      Low,
      /** The throughput is the cap that the spec sets. */
      Medium,
      /** The throughput is that of the last transfer from this host without a cap. */
      High
    }
  }

  /**
   * How far the running transfer obeys the spec's tuning, written by the source's daemon.
   *
   * @param observedGeneration the {@code metadata.generation} that it goes by
   * @param notApplied what the spec of that generation asks for and can't be
   * @param pausedAt when the guest was stopped by Drover so that the transfer can end; a daemon
   *     that comes back goes by it
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Tuning(
      @Nullable Long observedGeneration,
      @Size(max = 16) @Nullable List<NotApplied> notApplied,
      @Size(max = 35) @Nullable String pausedAt) {}

  /**
   * What was decided about the running transfer, by whom it is measured: the source's daemon.
   *
   * @param decision {@code AllowDowntime}, {@code StartPostCopy}, {@code Pause} or {@code GiveUp}
   * @param throughputMiBps how fast memory was sent
   * @param dirtyRateMiBps how fast the guest wrote to it
   * @param allowedDowntimeMilliseconds what the hypervisor went by until then
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Decision(
      @Required @Size(max = 35) String time,
      @Required @Size(max = 32) String decision,
      @Required @Size(max = 1024) String because,
      @Min(0) int iteration,
      long memoryRemainingBytes,
      @Min(0) int throughputMiBps,
      @Min(0) int dirtyRateMiBps,
      @Min(0) long allowedDowntimeMilliseconds,
      @Nullable Integer throttlePercent) {}

  /** A field of the spec that is not obeyed, and why. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record NotApplied(
      @Required @Size(max = 64) String field,
      @Required @Size(max = 64) String reason,
      @Required @Size(max = 1024) String message) {

    public static NotApplied of(String field, Reason reason, String message) {
      return new NotApplied(field, reason.name(), Text.limit(message, 1024));
    }
  }

  /** Why it ends without success. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Failure(
      @Required @Size(max = 64) String reason,
      @Required @Size(max = 1024) String message,
      @Size(max = 253) @Nullable String node,
      @JsonPropertyDescription("The phase in which it went wrong.") @Size(max = 32)
          @Nullable String phase) {

    public static Failure of(Reason reason, String message, @Nullable String node, Phase phase) {
      return new Failure(reason.name(), Text.limit(message, 1024), node, phase.name());
    }

    /** Whether somebody asked for it, so that it ends as {@link Phase#Aborted}. */
    public boolean wasAskedFor() {
      return reason.equals(Reason.AbortRequested.name()) || reason.equals(Reason.Deleted.name());
    }
  }

  /**
   * What it cost, recorded at the end.
   *
   * @param downtimeMilliseconds how long the guest stood still: libvirt's figure for the switchover
   *     plus, with a fenced commit, the time until the target was told to resume
   * @param libvirtDowntimeMilliseconds libvirt's own figure
   * @param handOverMilliseconds from the end of the source's QEMU process to the resumed guest
   *     (fenced commit only)
   * @param forecastError how far {@code status.forecast} was off; absent if there was none, or none
   *     that it can be held to: it did not converge, or the guest went post-copy
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Result(
      @Nullable Long downtimeMilliseconds,
      @Nullable Long libvirtDowntimeMilliseconds,
      @Nullable Long handOverMilliseconds,
      @Nullable Long totalMilliseconds,
      @Nullable Long transferredBytes,
      @Nullable Integer iterations,
      @Size(max = 16) @Nullable String commit,
      @Nullable Boolean postCopy,
      @Nullable ForecastError forecastError) {

    /** Of a transfer without a forecast. */
    public Result(
        @Nullable Long downtimeMilliseconds,
        @Nullable Long libvirtDowntimeMilliseconds,
        @Nullable Long handOverMilliseconds,
        @Nullable Long totalMilliseconds,
        @Nullable Long transferredBytes,
        @Nullable Integer iterations,
        @Nullable String commit,
        @Nullable Boolean postCopy) {
      this(
          downtimeMilliseconds,
          libvirtDowntimeMilliseconds,
          handOverMilliseconds,
          totalMilliseconds,
          transferredBytes,
          iterations,
          commit,
          postCopy,
          null);
    }
  }

  /**
   * How far a forecast was off: 25 if it said a quarter more than came of it, -50 if it said half.
   * In percent of what came of it; what is less than 100 ms counts as that.
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record ForecastError(
      @Nullable Integer secondsPercent,
      @Nullable Integer bytesPercent,
      @Nullable Integer downtimePercent) {}

  /** The phase as a value; {@link Phase#Pending} before the operator has written one. */
  public Phase phaseValue() {
    return phase == null ? Phase.Pending : Phase.valueOf(phase);
  }

  /** The condition of that type, if it has been written. */
  public Optional<Condition> condition(ConditionType type) {
    return conditions == null
        ? Optional.empty()
        : conditions.stream().filter(c -> c.type().equals(type.name())).findFirst();
  }

  /** Which attempt this is, from 1. */
  public int attemptNumber() {
    return attempt == null ? 1 : attempt;
  }

  /** The attempts that have ended, if {@code spec.retry} asked for more than one. */
  public List<Attempt> attemptsOrEmpty() {
    return attempts == null ? List.of() : attempts;
  }

  /** The source's report, if it is from the node that is the source now, and of this attempt. */
  public Optional<SourceReport> currentSource() {
    return source != null
            && source.nodeName().equals(sourceNode)
            && source.attemptNumber() == attemptNumber()
        ? Optional.of(source)
        : Optional.empty();
  }

  /** The target's report, if it is from the node that is the target now, and of this attempt. */
  public Optional<TargetReport> currentTarget() {
    return target != null
            && target.nodeName().equals(targetNode)
            && target.attemptNumber() == attemptNumber()
        ? Optional.of(target)
        : Optional.empty();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** A fresh status with only the writer's own fields: what server-side apply wants. */
  public static final class Builder {
    private @Nullable Long observedGeneration;
    private @Nullable String phase;
    private @Nullable List<Condition> conditions;
    private @Nullable String sourceNode;
    private @Nullable String targetNode;
    private @Nullable String domainUuid;
    private @Nullable Integer attempt;
    private @Nullable List<Attempt> attempts;
    private @Nullable Queue queue;
    private @Nullable List<PhaseTimes> phases;
    private @Nullable List<Candidate> candidates;
    private @Nullable Progress progress;
    private @Nullable Forecast forecast;
    private @Nullable Tuning tuning;
    private @Nullable List<Decision> decisions;
    private @Nullable Failure failure;
    private @Nullable Result result;
    private @Nullable SourceReport source;
    private @Nullable TargetReport target;

    private Builder() {}

    public Builder observedGeneration(@Nullable Long value) {
      observedGeneration = value;
      return this;
    }

    public Builder phase(Phase value) {
      phase = value.name();
      return this;
    }

    public Builder conditions(@Nullable List<Condition> value) {
      conditions = value;
      return this;
    }

    public Builder sourceNode(@Nullable String value) {
      sourceNode = value;
      return this;
    }

    public Builder targetNode(@Nullable String value) {
      targetNode = value;
      return this;
    }

    public Builder domainUuid(@Nullable String value) {
      domainUuid = value;
      return this;
    }

    public Builder attempt(@Nullable Integer value) {
      attempt = value;
      return this;
    }

    public Builder attempts(@Nullable List<Attempt> value) {
      attempts = value;
      return this;
    }

    public Builder queue(@Nullable Queue value) {
      queue = value;
      return this;
    }

    public Builder phases(@Nullable List<PhaseTimes> value) {
      phases = value;
      return this;
    }

    public Builder candidates(@Nullable List<Candidate> value) {
      candidates = value;
      return this;
    }

    public Builder progress(@Nullable Progress value) {
      progress = value;
      return this;
    }

    public Builder forecast(@Nullable Forecast value) {
      forecast = value;
      return this;
    }

    public Builder tuning(@Nullable Tuning value) {
      tuning = value;
      return this;
    }

    public Builder decisions(@Nullable List<Decision> value) {
      decisions = value;
      return this;
    }

    public Builder failure(@Nullable Failure value) {
      failure = value;
      return this;
    }

    public Builder result(@Nullable Result value) {
      result = value;
      return this;
    }

    public Builder source(@Nullable SourceReport value) {
      source = value;
      return this;
    }

    public Builder target(@Nullable TargetReport value) {
      target = value;
      return this;
    }

    public LiveMigrationStatus build() {
      return new LiveMigrationStatus(
          observedGeneration,
          phase,
          conditions,
          sourceNode,
          targetNode,
          domainUuid,
          attempt,
          attempts,
          queue,
          phases,
          candidates,
          progress,
          forecast,
          tuning,
          decisions,
          failure,
          result,
          source,
          target);
    }
  }
}
