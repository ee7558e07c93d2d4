package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is asked for. Nothing in here ever becomes a URI, a path or XML.
 *
 * <p>What says which guest goes where and how is immutable; a change that could not be obeyed is
 * refused by the API server instead of being ignored. The tuning (bandwidth, downtime, timeout,
 * post-copy, switchover) may change while the migration runs; {@code status.tuning} says how far it
 * is obeyed. {@code notBefore} may change until the migration begins, {@code retry} and {@code
 * priority} at any time.
 */
@ValidationRule(
    value = "self.virtualMachineName == oldSelf.virtualMachineName",
    message = "virtualMachineName can't be changed; create another migration instead")
@ValidationRule(
    value =
        "has(self.source) == has(oldSelf.source)"
            + " && (!has(self.source) || self.source == oldSelf.source)",
    message = "source can't be changed; create another migration instead")
@ValidationRule(
    value =
        "has(self.target) == has(oldSelf.target)"
            + " && (!has(self.target) || self.target == oldSelf.target)",
    message = "target can't be changed; create another migration instead")
@ValidationRule(
    value = "self.mode == oldSelf.mode",
    message = "mode can't be changed; create another migration instead")
@ValidationRule(
    value = "self.storage == oldSelf.storage",
    message = "storage can't be changed; create another migration instead")
@ValidationRule(
    value =
        "has(self.disks) == has(oldSelf.disks)"
            + " && (!has(self.disks) || self.disks == oldSelf.disks)",
    message = "disks can't be changed; create another migration instead")
@ValidationRule(
    value = "!has(self.disks) || self.storage != 'Shared'",
    message = "disks names what is copied; with storage: Shared nothing is")
@ValidationRule(
    value = "self.commit == oldSelf.commit",
    message = "commit can't be changed; create another migration instead")
@ValidationRule(
    value =
        "has(self.dryRun) == has(oldSelf.dryRun)"
            + " && (!has(self.dryRun) || self.dryRun == oldSelf.dryRun)",
    message = "dryRun can't be changed; create another migration instead")
@ValidationRule(
    value =
        "has(self.shutdown) == has(oldSelf.shutdown)"
            + " && (!has(self.shutdown) || self.shutdown == oldSelf.shutdown)",
    message = "shutdown can't be changed; create another migration instead")
@ValidationRule(
    value =
        "has(self.shutdownTimeoutSeconds) == has(oldSelf.shutdownTimeoutSeconds)"
            + " && (!has(self.shutdownTimeoutSeconds)"
            + " || self.shutdownTimeoutSeconds == oldSelf.shutdownTimeoutSeconds)",
    message = "shutdownTimeoutSeconds can't be changed; create another migration instead")
@ValidationRule(
    value = "!has(self.shutdown) || self.shutdown == 'Never' || self.mode == 'Cold'",
    message = "shutdown: Graceful needs mode: Cold")
@ValidationRule(
    value =
        "!has(self.shutdownTimeoutSeconds) || (has(self.shutdown) && self.shutdown == 'Graceful')",
    message = "shutdownTimeoutSeconds needs shutdown: Graceful")
@ValidationRule(
    value =
        "self.mode != 'Cold' || (self.postCopy == 'Never' && self.commit == 'Fenced'"
            + " && self.onTimeout == 'Abort'"
            + " && (!has(self.switchover) || self.switchover == 'Automatic')"
            + " && self.compression == 'None' && !has(self.parallelConnections)"
            + " && !has(self.autoConverge))",
    message =
        "mode: Cold has no memory to move: postCopy, commit: Direct, onTimeout, switchover,"
            + " compression, parallelConnections and autoConverge are of no use with it; leave them"
            + " out")
@ValidationRule(
    value = "!has(oldSelf.abort) || !oldSelf.abort || (has(self.abort) && self.abort)",
    message = "abort can't be taken back; create another migration instead")
@ValidationRule(
    value =
        "!has(oldSelf.switchover) || oldSelf.switchover == 'Automatic'"
            + " || (has(self.switchover) && self.switchover == oldSelf.switchover)",
    message = "switchover can't be taken back once it is forced; abort the migration instead")
@ValidationRule(
    value = "!has(self.switchover) || self.switchover != 'PostCopy' || self.postCopy == 'Allowed'",
    message = "switchover: PostCopy needs postCopy: Allowed")
@ValidationRule(
    value =
        "!has(self.source) || !has(self.source.nodeName) || !has(self.target)"
            + " || !has(self.target.nodeName) || self.source.nodeName != self.target.nodeName",
    message = "source.nodeName and target.nodeName must not be the same node")
@ValidationRule(
    value = "self.postCopy != 'Allowed' || self.commit == 'Direct'",
    message =
        "postCopy: Allowed needs commit: Direct: libvirt can't land a guest paused when post-copy is"
            + " on; commit: Direct says that you accept libvirt's own hand-over")
@ValidationRule(
    value = "self.onTimeout != 'PostCopy' || self.postCopy == 'Allowed'",
    message = "onTimeout: PostCopy needs postCopy: Allowed")
@ValidationRule(
    value =
        "has(self.autoConverge) == has(oldSelf.autoConverge)"
            + " && (!has(self.autoConverge) || self.autoConverge == oldSelf.autoConverge)",
    message = "autoConverge can't be changed; create another migration instead")
@ValidationRule(
    value = "self.compression == oldSelf.compression",
    message = "compression can't be changed; create another migration instead")
@ValidationRule(
    value =
        "has(self.parallelConnections) == has(oldSelf.parallelConnections)"
            + " && (!has(self.parallelConnections)"
            + " || self.parallelConnections == oldSelf.parallelConnections)",
    message = "parallelConnections can't be changed; create another migration instead")
@ValidationRule(
    value =
        "self.compression != 'Xbzrle' || !has(self.parallelConnections)"
            + " || self.parallelConnections == 1",
    message = "compression: Xbzrle does not work with parallelConnections")
@ValidationRule(
    value =
        "!(self.compression in ['Zstd', 'Zlib']) || !has(self.parallelConnections)"
            + " || self.parallelConnections > 1",
    message = "compression: Zstd and Zlib need parallelConnections: 2 or more")
@ValidationRule(
    value =
        "!has(self.bandwidthMiBps) || !has(self.parallelConnections)"
            + " || self.parallelConnections == 1 || self.bandwidthMiBps >= "
            + LiveMigrationSpec.LEAST_BANDWIDTH_PER_CONNECTION
            + " * self.parallelConnections",
    message =
        "bandwidthMiBps must be at least 12 for each of parallelConnections: QEMU does not keep to"
            + " less")
@ValidationRule(
    value =
        "!has(self.bandwidthMiBps) || !(self.compression in ['Zstd', 'Zlib'])"
            + " || self.bandwidthMiBps >= 2 * "
            + LiveMigrationSpec.LEAST_BANDWIDTH_PER_CONNECTION,
    message =
        "bandwidthMiBps must be at least 24 with compression: Zstd or Zlib: QEMU does not keep to"
            + " less")
@ValidationRule(
    value =
        "has(self.zeroCopy) == has(oldSelf.zeroCopy)"
            + " && (!has(self.zeroCopy) || self.zeroCopy == oldSelf.zeroCopy)",
    message = "zeroCopy can't be changed; create another migration instead")
@ValidationRule(
    value =
        "!has(self.zeroCopy) || !self.zeroCopy || (self.compression == 'None'"
            + " && has(self.parallelConnections) && self.parallelConnections > 1)",
    message = "zeroCopy needs parallelConnections: 2 or more, and compression: None")
@ValidationRule(
    value = "self.pins == oldSelf.pins",
    message = "pins can't be changed; create another migration instead")
@ValidationRule(
    value =
        "!has(self.retry) || !has(self.retry.onlyOtherTargets) || !self.retry.onlyOtherTargets"
            + " || !has(self.target) || !has(self.target.nodeName)",
    message = "retry.onlyOtherTargets can't be had with target.nodeName: there is no other target")
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record LiveMigrationSpec(
    @JsonPropertyDescription("Name of the VirtualMachine (kubectl get dvm) in the same namespace.")
        @Required
        @Size(min = 1, max = 253)
        String virtualMachineName,
    @JsonPropertyDescription("Where the VM must be; without it, wherever it is.")
        @Nullable Source source,
    @JsonPropertyDescription("Where the VM shall go; without it, the first host that fits.")
        @Nullable Target target,
    @JsonPropertyDescription(
            "Live: the guest runs on while its memory is copied. Cold: the guest is shut off; its disks and its"
                + " definition move.")
        @Default("Live")
        @Nullable Mode mode,
    @JsonPropertyDescription(
            "With mode: Cold, what happens to a guest that runs. Never: the migration is refused (the default). Graceful:"
                + " it is asked to shut down (ACPI), and started again where it ends up.")
        @Nullable Shutdown shutdown,
    @JsonPropertyDescription(
            "How long a guest that is asked to shut down may take, in s; 120 without it. Then the migration fails.")
        @Min(1)
        @Max(3600)
        @Nullable Integer shutdownTimeoutSeconds,
    @JsonPropertyDescription(
            "Auto: each disk that both hosts prove to see the same stays, each other one is copied. Shared: no disk is"
                + " copied. Block: every local disk is copied.")
        @Default("Auto")
        @Nullable Storage storage,
    @JsonPropertyDescription(
            "The disks that are copied, as the guest has them (vda); every other one must be where the target can reach"
                + " it. Without it, storage decides.")
        @Size(min = 1, max = 64)
        @Nullable List<@Size(min = 2, max = 32) @Pattern(DISK_NAME) String> disks,
    @JsonPropertyDescription("Cap in MiB/s for memory and all disks together; without it, none.")
        @Min(1)
        @Max(1000000)
        @Nullable Integer bandwidthMiBps,
    @JsonPropertyDescription(
            "Longest time in ms that the guest may be expected to stand still at the switchover.")
        @Default("500")
        @Min(1)
        @Max(60000)
        @Nullable Integer maxDowntimeMilliseconds,
    @JsonPropertyDescription(
            "Allowed: a guest that dirties its memory faster than it can be sent goes on at the target before all of"
                + " it is there. Needs commit: Direct.")
        @Default("Never")
        @Nullable PostCopyPolicy postCopy,
    @JsonPropertyDescription("The transfer must be over this many seconds after its start.")
        @Default("3600")
        @Min(1)
        @Max(604800)
        @Nullable Integer completionTimeoutSeconds,
    @JsonPropertyDescription(
            "What happens at completionTimeoutSeconds. Pause: the guest is stopped until all of it has gone over, however"
                + " long that takes.")
        @Default("Abort")
        @Nullable TimeoutAction onTimeout,
    @JsonPropertyDescription(
            "When the guest moves. Pause and PostCopy force it as soon as memory is on its way: the guest is stopped"
                + " until the rest is over, or goes on at the target before it is. Can't be taken back.")
        @Default("Automatic")
        @Nullable Switchover switchover,
    @JsonPropertyDescription(
            "QEMU may take CPU time from a guest that dirties its memory faster than it can be sent; without it, never.")
        @Nullable AutoConverge autoConverge,
    @JsonPropertyDescription(
            "How memory is compressed on its way. Xbzrle: what has changed of a page that is sent again. Zstd and Zlib:"
                + " all of it; they need libvirt 9.4 on both hosts and use parallel connections.")
        @Default("None")
        @Nullable Compression compression,
    @JsonPropertyDescription(
            "How many connections memory goes over; without it, one or as many as the source's link and cores call for. A"
                + " cap must be at least 12 MiB/s for each of several.")
        @Min(1)
        @Max(16)
        @Nullable Integer parallelConnections,
    @JsonPropertyDescription(
            "true: QEMU sends memory without copying it first. Needs parallelConnections, no compression, no TLS, and a"
                + " source that may lock all of the guest's memory.")
        @Nullable Boolean zeroCopy,
    @JsonPropertyDescription(
            "What becomes of CPUs and NUMA nodes that the guest is pinned to. Keep: the target must have them. Remap: where"
                + " it lacks one, others of the target take their place, one for one. Drop: the guest is pinned to"
                + " nothing there. status.target.pinning says what was done.")
        @Default("Keep")
        @Nullable Pins pins,
    @JsonPropertyDescription(
            "Fenced: the target resumes the guest only once the source's QEMU process is gone. Direct: libvirt's own"
                + " order, in which a lost reply can leave two copies running.")
        @Default("Fenced")
        @Nullable CommitOrder commit,
    @JsonPropertyDescription(
            "Only checks whether it would work, on the named target or on every host, and says why not; nothing is"
                + " moved, reserved or left.")
        @Nullable Boolean dryRun,
    @JsonPropertyDescription("Stops the migration; can't be taken back.") @Nullable Boolean abort,
    @JsonPropertyDescription(
            "The migration stays Pending until then, RFC 3339. Can be changed until it begins.")
        @Size(max = 35)
        @Pattern(RFC_3339)
        @Nullable String notBefore,
    @JsonPropertyDescription(
            "Whether another attempt follows one that failed for a reason that may pass; without it, none.")
        @Nullable Retry retry,
    @JsonPropertyDescription("Who gets the next free slot: higher first, then the older one.")
        @Default("0")
        @Min(-1000)
        @Max(1000)
        @Nullable Integer priority,
    @JsonPropertyDescription(
            "The object is deleted this many seconds after its end; without it, never.")
        @Min(0)
        @Max(31536000)
        @Nullable Integer ttlSecondsAfterFinished) {

  /**
   * MiB/s of a cap for each of several connections: QEMU 10.0 sends some 5 more than it is asked
   * for with each, and mirrored disks may need half (docs/reference/performance.md).
   */
  public static final int LEAST_BANDWIDTH_PER_CONNECTION = 12;

  private static final String DISK_NAME = "^[a-z][a-z0-9]*$";

  private static final String DNS_SUBDOMAIN =
      "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

  // Offsets as they exist on Earth; java.time refuses larger ones than Kubernetes would.
  private static final String RFC_3339 =
      "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?"
          + "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$";

  /** The longest pause between two attempts, however often it was doubled. */
  public static final Duration LONGEST_BACKOFF = Duration.ofHours(1);

  /**
   * What follows an attempt that has failed for a reason that may pass ({@link Reason#isTransient})
   * and has left nothing behind.
   *
   * @param maxAttempts the first one included
   * @param backoffSeconds the pause after the first attempt; doubled after each, up to {@link
   *     #LONGEST_BACKOFF}
   * @param onlyOtherTargets no attempt goes to a host that an earlier one went to
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Retry(
      @JsonPropertyDescription("How many attempts there are at most, the first one included.")
          @Default("3")
          @Min(1)
          @Max(10)
          @Nullable Integer maxAttempts,
      @JsonPropertyDescription(
              "Seconds between the first attempt's end and the second's start; doubled after each attempt, up to an"
                  + " hour.")
          @Default("10")
          @Min(1)
          @Max(3600)
          @Nullable Integer backoffSeconds,
      @JsonPropertyDescription("true: no attempt goes to a host that an earlier one went to.")
          @Nullable Boolean onlyOtherTargets) {

    public int maxAttemptsOrDefault() {
      return maxAttempts == null ? 3 : maxAttempts;
    }

    /** The pause after that many attempts, at least one. */
    public Duration backoffAfter(int attempts) {
      Duration first = Duration.ofSeconds(backoffSeconds == null ? 10 : backoffSeconds);
      Duration doubled = first.multipliedBy(1L << Math.clamp(attempts - 1L, 0, 20));
      return doubled.compareTo(LONGEST_BACKOFF) < 0 ? doubled : LONGEST_BACKOFF;
    }

    public boolean otherTargetsOnly() {
      return Boolean.TRUE.equals(onlyOtherTargets);
    }
  }

  /**
   * How QEMU slows down a guest that writes too much.
   *
   * @param initialPercent of CPU time that it takes first
   * @param incrementPercent that it takes more in each step, up to 99
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record AutoConverge(
      @JsonPropertyDescription("Percent of CPU time that is taken from the guest first.")
          @Default("20")
          @Min(1)
          @Max(99)
          @Nullable Integer initialPercent,
      @JsonPropertyDescription("Percent that are taken more in each step, up to 99.")
          @Default("10")
          @Min(1)
          @Max(99)
          @Nullable Integer incrementPercent) {

    public int initialPercentOrDefault() {
      return initialPercent == null ? 20 : initialPercent;
    }

    public int incrementPercentOrDefault() {
      return incrementPercent == null ? 10 : incrementPercent;
    }
  }

  /** How memory is compressed on its way. */
  public enum Compression {
    None,
    Xbzrle,
    Zstd,
    Zlib
  }

  /** What becomes of the CPUs and NUMA nodes that a guest is pinned to. */
  public enum Pins {
    Keep,
    Remap,
    Drop
  }

  /** The guest's present host. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Source(
      @JsonPropertyDescription("Name of a HypervisorNode.")
          @Size(min = 1, max = 253)
          @Pattern(DNS_SUBDOMAIN)
          @Nullable String nodeName) {}

  /** The guest's next host: named, or any that carries the labels, or any. */
  @ValidationRule(
      value = "!has(self.nodeName) || !has(self.nodeSelector)",
      message = "name the target or select it, not both")
  @ValidationRule(
      value = "!has(self.nodeSelector) || self.nodeSelector.all(key, size(key) <= 317)",
      message = "a label's key has at most 317 characters")
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Target(
      @JsonPropertyDescription("Name of a HypervisorNode.")
          @Size(min = 1, max = 253)
          @Pattern(DNS_SUBDOMAIN)
          @Nullable String nodeName,
      @JsonPropertyDescription("Labels that the HypervisorNode must carry.")
          @Size(min = 1, max = 16)
          @Nullable Map<String, @Size(max = 63) String> nodeSelector) {}

  /** How the guest moves. */
  public enum Mode {
    Live,
    Cold
  }

  /** What happens to a guest that runs, when it can only be moved shut off. */
  public enum Shutdown {
    Never,
    Graceful
  }

  /** What becomes of the guest's disks. */
  public enum Storage {
    Auto,
    Shared,
    Block
  }

  /** Whether the guest may go on at the target before all of its memory is there. */
  public enum PostCopyPolicy {
    Never,
    Allowed
  }

  /** What happens when the transfer takes too long. */
  public enum TimeoutAction {
    Abort,
    Pause,
    PostCopy
  }

  /** When the guest moves: as measurements say, or now. */
  public enum Switchover {
    Automatic,
    Pause,
    PostCopy
  }

  /** Who lets the guest go on at the target, and when (DESIGN.md 6.1). */
  public enum CommitOrder {
    Fenced,
    Direct
  }

  /** {@code spec.source.nodeName}, if any. */
  public @Nullable String sourceNodeName() {
    return source == null ? null : source.nodeName();
  }

  /** {@code spec.target.nodeName}, if any. */
  public @Nullable String targetNodeName() {
    return target == null ? null : target.nodeName();
  }

  /** Whether the guest moves shut off. */
  public boolean cold() {
    return mode == Mode.Cold;
  }

  public Shutdown shutdownOrDefault() {
    return shutdown == null ? Shutdown.Never : shutdown;
  }

  public int shutdownTimeoutSecondsOrDefault() {
    return shutdownTimeoutSeconds == null ? 120 : shutdownTimeoutSeconds;
  }

  public Storage storageOrDefault() {
    return storage == null ? Storage.Auto : storage;
  }

  public List<String> disksOrEmpty() {
    return disks == null ? List.of() : disks;
  }

  public CommitOrder commitOrDefault() {
    return commit == null ? CommitOrder.Fenced : commit;
  }

  public PostCopyPolicy postCopyOrDefault() {
    return postCopy == null ? PostCopyPolicy.Never : postCopy;
  }

  public TimeoutAction onTimeoutOrDefault() {
    return onTimeout == null ? TimeoutAction.Abort : onTimeout;
  }

  public Switchover switchoverOrDefault() {
    return switchover == null ? Switchover.Automatic : switchover;
  }

  public int maxDowntimeMillisecondsOrDefault() {
    return maxDowntimeMilliseconds == null ? 500 : maxDowntimeMilliseconds;
  }

  public int completionTimeoutSecondsOrDefault() {
    return completionTimeoutSeconds == null ? 3600 : completionTimeoutSeconds;
  }

  public boolean dryRunRequested() {
    return Boolean.TRUE.equals(dryRun);
  }

  public Compression compressionOrDefault() {
    return compression == null ? Compression.None : compression;
  }

  public boolean zeroCopyRequested() {
    return Boolean.TRUE.equals(zeroCopy);
  }

  public Pins pinsOrDefault() {
    return pins == null ? Pins.Keep : pins;
  }

  public int priorityOrDefault() {
    return priority == null ? 0 : priority;
  }

  /** {@code spec.notBefore} as a time, if any. */
  public Optional<Instant> earliestStart() {
    return Optional.ofNullable(notBefore).map(Instant::parse);
  }

  public boolean abortRequested() {
    return Boolean.TRUE.equals(abort);
  }

  /** Everything but the virtual machine's name is left out until it is set. */
  public static Builder builder(String virtualMachineName) {
    return new Builder(virtualMachineName);
  }

  /** Makes a spec of what is set. */
  public static final class Builder {
    private final String virtualMachineName;
    private @Nullable Source source;
    private @Nullable Target target;
    private @Nullable Mode mode;
    private @Nullable Shutdown shutdown;
    private @Nullable Integer shutdownTimeoutSeconds;
    private @Nullable Storage storage;
    private @Nullable List<String> disks;
    private @Nullable Integer bandwidthMiBps;
    private @Nullable Integer maxDowntimeMilliseconds;
    private @Nullable PostCopyPolicy postCopy;
    private @Nullable Integer completionTimeoutSeconds;
    private @Nullable TimeoutAction onTimeout;
    private @Nullable Switchover switchover;
    private @Nullable AutoConverge autoConverge;
    private @Nullable Compression compression;
    private @Nullable Integer parallelConnections;
    private @Nullable Boolean zeroCopy;
    private @Nullable Pins pins;
    private @Nullable CommitOrder commit;
    private @Nullable Boolean dryRun;
    private @Nullable Boolean abort;
    private @Nullable String notBefore;
    private @Nullable Retry retry;
    private @Nullable Integer priority;
    private @Nullable Integer ttlSecondsAfterFinished;

    private Builder(String virtualMachineName) {
      this.virtualMachineName = virtualMachineName;
    }

    public Builder source(@Nullable Source value) {
      source = value;
      return this;
    }

    public Builder target(@Nullable Target value) {
      target = value;
      return this;
    }

    public Builder mode(@Nullable Mode value) {
      mode = value;
      return this;
    }

    public Builder shutdown(@Nullable Shutdown value) {
      shutdown = value;
      return this;
    }

    public Builder shutdownTimeoutSeconds(@Nullable Integer value) {
      shutdownTimeoutSeconds = value;
      return this;
    }

    public Builder storage(@Nullable Storage value) {
      storage = value;
      return this;
    }

    public Builder disks(@Nullable List<String> value) {
      disks = value;
      return this;
    }

    public Builder bandwidthMiBps(@Nullable Integer value) {
      bandwidthMiBps = value;
      return this;
    }

    public Builder maxDowntimeMilliseconds(@Nullable Integer value) {
      maxDowntimeMilliseconds = value;
      return this;
    }

    public Builder postCopy(@Nullable PostCopyPolicy value) {
      postCopy = value;
      return this;
    }

    public Builder completionTimeoutSeconds(@Nullable Integer value) {
      completionTimeoutSeconds = value;
      return this;
    }

    public Builder onTimeout(@Nullable TimeoutAction value) {
      onTimeout = value;
      return this;
    }

    public Builder switchover(@Nullable Switchover value) {
      switchover = value;
      return this;
    }

    public Builder autoConverge(@Nullable AutoConverge value) {
      autoConverge = value;
      return this;
    }

    public Builder compression(@Nullable Compression value) {
      compression = value;
      return this;
    }

    public Builder parallelConnections(@Nullable Integer value) {
      parallelConnections = value;
      return this;
    }

    public Builder zeroCopy(@Nullable Boolean value) {
      zeroCopy = value;
      return this;
    }

    public Builder pins(@Nullable Pins value) {
      pins = value;
      return this;
    }

    public Builder commit(@Nullable CommitOrder value) {
      commit = value;
      return this;
    }

    public Builder dryRun(@Nullable Boolean value) {
      dryRun = value;
      return this;
    }

    public Builder abort(@Nullable Boolean value) {
      abort = value;
      return this;
    }

    public Builder notBefore(@Nullable String value) {
      notBefore = value;
      return this;
    }

    public Builder retry(@Nullable Retry value) {
      retry = value;
      return this;
    }

    public Builder priority(@Nullable Integer value) {
      priority = value;
      return this;
    }

    public Builder ttlSecondsAfterFinished(@Nullable Integer value) {
      ttlSecondsAfterFinished = value;
      return this;
    }

    public LiveMigrationSpec build() {
      return new LiveMigrationSpec(
          virtualMachineName,
          source,
          target,
          mode,
          shutdown,
          shutdownTimeoutSeconds,
          storage,
          disks,
          bandwidthMiBps,
          maxDowntimeMilliseconds,
          postCopy,
          completionTimeoutSeconds,
          onTimeout,
          switchover,
          autoConverge,
          compression,
          parallelConnections,
          zeroCopy,
          pins,
          commit,
          dryRun,
          abort,
          notBefore,
          retry,
          priority,
          ttlSecondsAfterFinished);
    }
  }
}
