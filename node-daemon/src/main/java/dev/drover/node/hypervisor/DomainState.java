package dev.drover.node.hypervisor;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A domain as the hypervisor reports it.
 *
 * @param reasonText libvirt's reason in lower-case words: {@code booted}, {@code migrated}, {@code
 *     user}, ...
 * @param guestNamespace from the domain's metadata ({@code <drover:guest namespace=".."/>}), if it
 *     has one
 */
public record DomainState(
    UUID uuid,
    String name,
    Run run,
    String reasonText,
    boolean persistent,
    long memoryBytes,
    int vcpus,
    @Nullable String guestNamespace) {

  /** libvirt's word for a post-copy that was interrupted and can be resumed. */
  public static final String POST_COPY_FAILED = "post-copy failed";

  /** Whether it is one half of a guest whose post-copy was interrupted. */
  public boolean isPostCopyBroken() {
    return reasonText.equals(POST_COPY_FAILED)
        && (run == Run.PausedForPostCopy || run == Run.RunningPostCopy);
  }

  /**
   * Whether libvirt has shut it off by itself, which it does to an incoming guest that it finds
   * when it starts, and to one that could not be completed.
   */
  public boolean wasNeverRun() {
    return run == Run.ShutOff && (reasonText.equals("daemon") || reasonText.equals("failed"));
  }

  /** What its CPUs do, and why they don't. */
  public enum Run {
    /** libvirt: RUNNING or BLOCKED, for any reason but post-copy. */
    Running,
    /** RUNNING/POSTCOPY or POSTCOPY_FAILED: CPUs run here, some memory is still on the source. */
    RunningPostCopy,
    /** PAUSED/USER and all other reasons than those below: complete, and held. */
    Paused,
    /** PAUSED/MIGRATION: on its way out (the source), or not complete yet (the target). */
    PausedForMigration,
    /** PAUSED/POSTCOPY or POSTCOPY_FAILED: the guest runs on the target already. */
    PausedForPostCopy,
    /** PAUSED/STARTING_UP. */
    StartingUp,
    ShutOff,
    /** CRASHED, SHUTDOWN, PMSUSPENDED, NOSTATE. */
    Other;

    /** Whether its CPUs execute. */
    public boolean executes() {
      return this == Running || this == RunningPostCopy;
    }

    /** Whether there is a process that could be told to go on. */
    public boolean isActive() {
      return this != ShutOff && this != Other;
    }
  }
}
