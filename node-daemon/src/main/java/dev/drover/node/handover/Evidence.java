package dev.drover.node.handover;

/**
 * What a daemon knows of a transfer at one moment: the source's, or the target's in its place.
 *
 * @param sourceProcessGone the source's emulator process has ended, and there is no new one
 * @param release what shows that it ended because the guest was handed over
 * @param source what the source's libvirt says of the domain
 * @param target what the target's libvirt says of it
 * @param call how libvirt's migrate call stands
 * @param guestWasPaused the guest was held by somebody before the migration, and shall stay so
 * @param fenced the target does not start the guest by itself
 * @param written what status says of the transfer
 */
public record Evidence(
    boolean sourceProcessGone,
    Release release,
    SourceView source,
    TargetView target,
    Call call,
    boolean guestWasPaused,
    boolean fenced,
    Written written) {

  /** Of a fenced transfer that has been seen to run. */
  public Evidence(
      boolean sourceProcessGone,
      Release release,
      SourceView source,
      TargetView target,
      Call call,
      boolean guestWasPaused) {
    this(sourceProcessGone, release, source, target, call, guestWasPaused, true, Written.Started);
  }

  /** What was written before a daemon had to look for evidence. */
  public enum Written {
    /** That a transfer would be started; nobody has seen it run. */
    Intended,
    /** That one runs, or has run, and not what came of it. */
    Started
  }

  /**
   * What shows that the source's process ended because the guest was handed over. Without it the
   * guest may have gone on at the source after the target got its copy, and that copy is stale.
   */
  public enum Release {
    /** Nothing. */
    None,
    /**
     * This daemon saw the guest suspended for the switchover and then its process end, and no other
     * one begin.
     */
    Seen,
    /**
     * libvirt has removed the source's definition, which it does only after the target has
     * confirmed.
     */
    Undefined,
    /**
     * The source's daemon says in status, of this attempt, that it has seen both: the end of the
     * process that it held, and then no definition. That can't become untrue.
     */
    Told
  }

  /** The domain at the source. */
  public enum SourceView {
    /** Running, or paused as it was before; no longer suspended for the switchover. */
    AsBefore,
    /** Suspended for the switchover. */
    HeldForMigration,
    /** Suspended for post-copy: the guest runs at the target. */
    HeldForPostCopy,
    /** Not active, or not there at all. */
    Inactive,
    /** libvirt could not be asked. */
    Unknown
  }

  /** The domain at the target. */
  public enum TargetView {
    Absent,
    /** Being filled; must never be resumed. */
    Incoming,
    /** All of it is there, and it is held: what a fenced transfer ends with. */
    CompleteAndHeld,
    Runs,
    /** Defined there and shut off: it has arrived, and was shut down or destroyed since. */
    ArrivedAndOff,
    /** Defined there and shut off, because its libvirt has given it up before it ever ran. */
    Discarded,
    /** Runs, and still fetches memory from the source. */
    RunsPostCopy,
    /** Its host is off, as an admin says and its silence bears out: nothing of it ever runs. */
    HostFenced,
    /** libvirt there could not be asked. */
    Unknown;

    /** Whether the guest has no process there, by the word of its libvirt. */
    public boolean hasNoProcess() {
      return this == Absent || this == ArrivedAndOff || this == Discarded;
    }
  }

  /** libvirt's migrate call, or its job if the call was made by an earlier life of this daemon. */
  public enum Call {
    Open,
    Succeeded,
    Failed
  }
}
