package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the target's daemon says.
 *
 * @param nodeName who says it; a report from another node than {@code status.targetNode} is stale
 * @param since when {@code state} began, RFC 3339
 * @param disks what will become of each disk; kept through all states: it is the list of what may
 *     have to be removed
 * @param digests with {@code mode: Cold}: what the copies hold, read back from this host's storage
 * @param attempt {@code status.attempt} as it was when this was said; a report of another attempt
 *     is stale
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record TargetReport(
    @Required @Size(max = 253) String nodeName,
    @Required State state,
    @Required @Size(max = 64) String reason,
    @Size(max = 1024) @Nullable String message,
    @Required @Size(max = 35) String since,
    @JsonPropertyDescription("All that keeps this host from taking the guest.")
        @Size(max = Blocker.MOST)
        @Nullable List<Blocker> blockers,
    @Size(max = 64) @Nullable List<DiskPlan> disks,
    @Size(max = 64) @Nullable List<DiskDigest> digests,
    @JsonPropertyDescription("In a dry run: where the source can try the way to this host.")
        @Nullable Doorway doorway,
    @JsonPropertyDescription("What does not keep the guest from coming, but should be known.")
        @Size(max = Blocker.MOST)
        @Nullable List<Blocker> warnings,
    @Min(1) @Nullable Integer attempt) {

  /** Of the first attempt. */
  public TargetReport(
      String nodeName,
      State state,
      String reason,
      @Nullable String message,
      String since,
      @Nullable List<Blocker> blockers,
      @Nullable List<DiskPlan> disks) {
    this(nodeName, state, reason, message, since, blockers, disks, null, null, null, null);
  }

  /** Without digests, a doorway and warnings. */
  public TargetReport(
      String nodeName,
      State state,
      String reason,
      @Nullable String message,
      String since,
      @Nullable List<Blocker> blockers,
      @Nullable List<DiskPlan> disks,
      @Nullable Integer attempt) {
    this(nodeName, state, reason, message, since, blockers, disks, null, null, null, attempt);
  }

  /** Which attempt it is about, from 1. */
  public int attemptNumber() {
    return attempt == null ? 1 : attempt;
  }

  /** What the target's daemon has done. */
  public enum State {
    /**
     * The guest fits; the plan for its disks is written, and none of the volumes to be made existed
     * then.
     */
    Checked,
    /** The guest does not fit, or the reservation was refused; nothing is left of it. */
    Refused,
    /** Memory and a slot are held, the volumes are made. */
    Reserved,
    /** After a failure or an abort: everything that was made here is gone again. */
    Clean,
    /**
     * The source's host was lost, and the guest is here; the message says what was done for that.
     */
    Settled
  }

  /**
   * What becomes of a disk.
   *
   * @param target as the guest's bus sees it: {@code vda}
   * @param pool and
   * @param volume where a copy goes; absent for a disk that stays
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record DiskPlan(
      @Required @Size(max = 32) String target,
      @Required Action action,
      @Size(max = 253) @Nullable String pool,
      @Size(max = 253) @Nullable String volume,
      @Size(max = 16) @Nullable String format,
      @Min(0) @Nullable Long capacityBytes) {

    /** Copy, or reach it where it is. */
    public enum Action {
      Copy,
      Stay
    }

    @JsonIgnore
    public boolean isCopy() {
      return action == Action.Copy;
    }
  }

  /**
   * A door that the target's daemon holds open for a moment, and what the source must bring along.
   *
   * @param port of the migration range, at the host's migration address
   * @param greeting what is heard there: only this very host says it
   * @param authorities SHA-256 of the CAs that this host's libvirt and QEMU trust, with TLS
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Doorway(
      @Min(1) int port,
      @Required @Size(max = 64) String greeting,
      @Nullable Authorities authorities) {}

  /** The CAs that a host trusts; each as the SHA-256 of its certificate, in hexadecimal. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Authorities(
      @Size(max = 16) List<@Size(max = 64) String> libvirt,
      @Size(max = 16) List<@Size(max = 64) String> qemu) {}

  /** What should be known of this host, though the guest fits. */
  public List<Blocker> warningsOrEmpty() {
    return warnings == null ? List.of() : warnings;
  }

  /** What keeps this host from taking the guest; a daemon that told only one has it in there. */
  public List<Blocker> blockersOrEmpty() {
    if (blockers != null && !blockers.isEmpty()) {
      return blockers;
    }
    return state == State.Refused
        ? List.of(new Blocker(reason, Text.limit(message == null ? reason : message, 512), null))
        : List.of();
  }

  /** The disks that are copied. */
  public List<DiskPlan> copies() {
    return disks == null ? List.of() : disks.stream().filter(DiskPlan::isCopy).toList();
  }
}
