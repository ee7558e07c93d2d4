package dev.drover.api.v1alpha1;

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
 * What the source's daemon says. Only evidence from the source decides where the guest is: a paused
 * guest on the target looks the same after success and after failure.
 *
 * @param nodeName who says it; a report from another node than {@code status.sourceNode} is stale
 * @param since when {@code state} began, RFC 3339
 * @param guest the guest as it was found; kept through all states, it is what a restarted daemon
 *     goes by
 * @param cold with {@code mode: Cold} only; kept through all states
 * @param attempt {@code status.attempt} as it was when this was said; a report of another attempt
 *     is stale
 * @param releasedAt when this daemon had seen the end of the guest's process, and its definition
 *     gone: nothing can run the guest here any more. Said only if the target could not be told to
 *     resume, and never taken back
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record SourceReport(
    @Required @Size(max = 253) String nodeName,
    @Required State state,
    @Required @Size(max = 64) String reason,
    @Size(max = 1024) @Nullable String message,
    @Required @Size(max = 35) String since,
    @JsonPropertyDescription("All that keeps the guest from moving, whatever the target.")
        @Size(max = Blocker.MOST)
        @Nullable List<Blocker> blockers,
    @JsonPropertyDescription(
            "In a dry run: whether this host reaches the target's libvirt and its migration ports.")
        @Nullable Reach reach,
    @Nullable Guest guest,
    LiveMigrationStatus.@Nullable Result result,
    @Nullable Cold cold,
    @Min(1) @Nullable Integer attempt,
    @JsonPropertyDescription(
            "When the source had let go of the guest for good: its process has ended and its definition is gone. Said only if the target's libvirt could not be told to resume the guest; then the target's daemon may. RFC 3339.")
        @Size(max = 35)
        @Nullable String releasedAt) {

  /** Of a guest that has not been released, or need not be. */
  public SourceReport(
      String nodeName,
      State state,
      String reason,
      @Nullable String message,
      String since,
      @Nullable List<Blocker> blockers,
      @Nullable Reach reach,
      @Nullable Guest guest,
      LiveMigrationStatus.@Nullable Result result,
      @Nullable Cold cold,
      @Nullable Integer attempt) {
    this(
        nodeName, state, reason, message, since, blockers, reach, guest, result, cold, attempt,
        null);
  }

  /** Of the first attempt, live. */
  public SourceReport(
      String nodeName,
      State state,
      String reason,
      @Nullable String message,
      String since,
      @Nullable List<Blocker> blockers,
      @Nullable Guest guest,
      LiveMigrationStatus.@Nullable Result result) {
    this(nodeName, state, reason, message, since, blockers, null, guest, result, null, null);
  }

  /** Which attempt it is about, from 1. */
  public int attemptNumber() {
    return attempt == null ? 1 : attempt;
  }

  /** Whether the source says that nothing can run the guest there any more. */
  public boolean hasReleased() {
    return releasedAt != null;
  }

  /** The same, of a guest that was released at that time (RFC 3339). */
  public SourceReport released(String at) {
    return new SourceReport(
        nodeName, state, reason, message, since, blockers, reach, guest, result, cold, attempt, at);
  }

  /** What keeps the guest from moving; empty if nothing does. */
  public List<Blocker> blockersOrEmpty() {
    return blockers == null ? List.of() : blockers;
  }

  /**
   * Whether the source reaches a target: its libvirt, certificates included where it speaks TLS,
   * and a port of its migration range.
   *
   * @param message why not
   * @param blockers all that is in the way; a daemon that tells only {@code message} has not
   *     reached libvirt
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Reach(
      @Required @Size(max = 253) String nodeName,
      @Required boolean reached,
      @Size(max = 512) @Nullable String message,
      @Size(max = Blocker.MOST) @Nullable List<Blocker> blockers,
      @Size(max = Blocker.MOST) @Nullable List<Blocker> warnings) {

    public Reach(String nodeName, boolean reached, @Nullable String message) {
      this(nodeName, reached, message, null, null);
    }

    public List<Blocker> blockersOrEmpty() {
      return blockers == null ? List.of() : blockers;
    }

    public List<Blocker> warningsOrEmpty() {
      return warnings == null ? List.of() : warnings;
    }
  }

  /** What the source's daemon has done, and where the guest therefore is. */
  public enum State {
    /**
     * The guest is described and runs here. Written in PreMigration. It can be moved, unless this
     * is a dry run and {@code blockers} says otherwise: the hosts are checked all the same.
     */
    Inspected,
    /** The guest can't be moved as it is; nothing was touched. */
    Refused,
    /** Intention: the transfer is about to be started, or runs. The guest runs here. */
    Transferring,
    /** The guest stands still for the switchover. */
    Switching,
    /** The guest runs at the target while the rest of its memory follows. */
    PostCopying,
    /** The source's QEMU process is gone, the guest has been resumed at the target. */
    Switched,
    /** There is no transfer (any more), and the guest is here as it was. */
    Stopped,
    /** The guest is gone from here without having moved: crashed, shut down or destroyed. */
    GuestLost,
    /**
     * The source has let go, and the target could not be told to resume. Needs a person if it stays
     * so.
     */
    HandOverPending,
    /** After commitment: copied disks and other remains are removed here. */
    CleanedUp
  }

  /** The guest, as the source's daemon found it before anything was touched. Sizes in bytes. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Guest(
      @Required @Size(max = 253) String domainName,
      @Required boolean paused,
      @Required boolean persistent,
      @Required @Min(0) long memoryBytes,
      @Required @Min(1) int vcpus,
      @Size(max = 32) String architecture,
      @Size(max = 64) String machineType,
      @Size(max = 16) String virtualization,
      @JsonPropertyDescription(
              "The CPU that the target has to be able to give it, as libvirt describes it.")
          @Size(max = 8192)
          @Nullable String cpu,
      @JsonPropertyDescription("libvirt's virtual networks that its interfaces are on.")
          @Size(max = 64)
          @Nullable List<@Size(max = 253) String> networks,
      @Nullable Surroundings surroundings,
      @Size(max = 64) List<Disk> disks) {

    public Guest withDisks(List<Disk> others) {
      return new Guest(
          domainName,
          paused,
          persistent,
          memoryBytes,
          vcpus,
          architecture,
          machineType,
          virtualization,
          cpu,
          networks,
          surroundings,
          others);
    }
  }

  /**
   * What the guest's definition says of its host, besides disks.
   *
   * @param autostart libvirt starts the guest when the host boots; kept at the target
   * @param cpus that the guest is pinned to, as libvirt writes them: {@code 0-3,8}
   * @param numaNodes that its memory is bound to
   * @param bridges bridges, and devices of the host, that its network cards are on
   * @param hugePages that its memory is made of; absent if it is made of ordinary pages
   * @param cells with {@code pins: Remap}: which of those CPUs are in which NUMA node; then {@code
   *     cpus} and {@code numaNodes} are only what the source has of them
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Surroundings(
      boolean autostart,
      @Size(max = 1024) @Nullable String cpus,
      @Size(max = 1024) @Nullable String numaNodes,
      @Size(max = 64) @Nullable List<@Size(max = 64) String> bridges,
      @Size(max = 16) @Nullable List<HugePages> hugePages,
      @Size(max = 256) @Nullable List<Cell> cells) {

    /** Of a guest with ordinary pages whose pins are not to be re-mapped. */
    public Surroundings(
        boolean autostart,
        @Nullable String cpus,
        @Nullable String numaNodes,
        @Nullable List<String> bridges) {
      this(autostart, cpus, numaNodes, bridges, null, null);
    }

    public List<HugePages> hugePagesOrEmpty() {
      return hugePages == null ? List.of() : hugePages;
    }

    /** The CPUs of a NUMA node that a guest is pinned to. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Cell(@Required @Min(0) int numaNode, @Required @Size(max = 1024) String cpus) {}

    public List<Cell> cellsOrEmpty() {
      return cells == null ? List.of() : cells;
    }

    public List<String> bridgesOrEmpty() {
      return bridges == null ? List.of() : bridges;
    }
  }

  /**
   * Huge pages of one size.
   *
   * @param pageKibibytes absent: whatever size is the host's default
   * @param bytes that are needed of them
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record HugePages(@Min(1) @Nullable Long pageKibibytes, @Min(0) long bytes) {}

  /**
   * A disk of the guest.
   *
   * @param target as the guest's bus sees it: {@code vda}
   * @param pool name of the storage pool that holds it, if it is a volume of one
   * @param volume name within the pool
   * @param path where the source's libvirt finds it; the target must find it under the same
   * @param format {@code qcow2} or {@code raw}; {@code raw} with {@code mode: Cold}, which moves
   *     the file as it is
   * @param capacityBytes what the guest sees; with {@code mode: Cold} the size of the file
   * @param allocationBytes what it takes up
   * @param probe a volume that the source has put beside the disk: who can read its content sees
   *     the same storage
   * @param backing the images that it stands on, the nearest first; absent if it stands on none, or
   *     they are not known
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Disk(
      @Required @Size(max = 32) String target,
      @Required Kind kind,
      @Size(max = 253) @Nullable String pool,
      @Size(max = 253) @Nullable String volume,
      @Size(max = 4096) @Nullable String path,
      @Size(max = 16) @Nullable String format,
      @Min(0) long capacityBytes,
      @Min(0) long allocationBytes,
      boolean readOnly,
      boolean shareable,
      boolean hasBackingFile,
      @Nullable Probe probe,
      @Size(max = 16) @Nullable List<BackingImage> backing) {

    /** That stands on nothing that is known. */
    public Disk(
        String target,
        Kind kind,
        @Nullable String pool,
        @Nullable String volume,
        @Nullable String path,
        @Nullable String format,
        long capacityBytes,
        long allocationBytes,
        boolean readOnly,
        boolean shareable,
        boolean hasBackingFile,
        @Nullable Probe probe) {
      this(
          target,
          kind,
          pool,
          volume,
          path,
          format,
          capacityBytes,
          allocationBytes,
          readOnly,
          shareable,
          hasBackingFile,
          probe,
          null);
    }

    public Disk withBacking(List<BackingImage> images) {
      return new Disk(
          target,
          kind,
          pool,
          volume,
          path,
          format,
          capacityBytes,
          allocationBytes,
          readOnly,
          shareable,
          hasBackingFile,
          probe,
          images);
    }

    public List<BackingImage> backingOrEmpty() {
      return backing == null ? List.of() : backing;
    }

    /**
     * What a copy takes up, in bytes: with what the disk stands on, unless the copy stands on the
     * same. The server of a network volume need not tell what of it is in use.
     */
    public long copyBytes(boolean keepsBase) {
      if (kind == Kind.Network) {
        return capacityBytes;
      }
      long backingBytes =
          keepsBase ? 0 : backingOrEmpty().stream().mapToLong(BackingImage::allocationBytes).sum();
      return backingBytes == 0
          ? allocationBytes
          : Math.max(allocationBytes, Math.min(allocationBytes + backingBytes, capacityBytes));
    }

    /** Where the bytes of a disk are. */
    public enum Kind {
      /** A file in a storage pool. */
      File,
      /**
       * A network volume (RBD, iSCSI, NBD, ...): reachable from every host that can reach its
       * server.
       */
      Network,
      /** A drive without a medium. */
      Empty
    }
  }

  /**
   * What a cold migration has to know after a restart. How far the disks are is in {@code
   * status.progress}.
   *
   * @param wasRunning the guest ran when it was inspected: it is shut down, and started again where
   *     it ends up
   * @param digests of the source's files, once all of them are copied
   * @param notStarted why the guest could not be started at the target
   * @param moving intention: the definition is about to go over, and may be on both hosts
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Cold(
      @Required boolean wasRunning,
      @Size(max = 64) @Nullable List<DiskDigest> digests,
      @Nullable Boolean moving,
      @Size(max = 1024) @Nullable String notStarted) {

    /** The same, of a migration whose disks are copied. */
    public Cold copied(List<DiskDigest> of) {
      return new Cold(wasRunning, List.copyOf(of), moving, notStarted);
    }

    /** The same, of a migration whose definition goes over. */
    public Cold andMoving() {
      return new Cold(wasRunning, digests, true, notStarted);
    }

    /** The same, of a guest that could not be started at the target. */
    public Cold notStarted(String why) {
      return new Cold(wasRunning, digests, moving, Text.limit(why, 1024));
    }

    public boolean handsOver() {
      return Boolean.TRUE.equals(moving);
    }
  }

  /**
   * An image that a disk stands on.
   *
   * @param pool and
   * @param volume where it is; absent if it is in no pool of the source
   * @param allocationBytes what it takes up
   * @param sha256 of all of its bytes; told only if the target does not answer without it
   * @param probe beside it, as beside a disk
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record BackingImage(
      @Size(max = 253) @Nullable String pool,
      @Size(max = 253) @Nullable String volume,
      @Size(max = 4096) @Nullable String path,
      @Size(max = 16) @Nullable String format,
      @Min(0) long allocationBytes,
      @Size(max = 64) @Nullable String sha256,
      @Nullable Probe probe) {

    public BackingImage withSha256(String digest) {
      return new BackingImage(pool, volume, path, format, allocationBytes, digest, probe);
    }
  }

  /** A small volume with content that nobody can guess. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Probe(
      @Required @Size(max = 253) String volume,
      @JsonPropertyDescription("Hexadecimal.") @Required @Size(max = 128) String content) {}
}
