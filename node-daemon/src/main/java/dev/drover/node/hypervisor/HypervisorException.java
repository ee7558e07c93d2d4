package dev.drover.node.hypervisor;

/** The hypervisor said no, or could not be reached. */
public final class HypervisorException extends Exception {
  private static final long serialVersionUID = 1;

  /** What to make of it. */
  public enum Kind {
    /** No connection to the hypervisor (any more). */
    Unavailable,
    /** No such domain, pool or volume. */
    NotFound,
    AlreadyExists,
    /** The state does not allow it, e.g. no job to abort. */
    Conflict,
    /** Somebody cancelled the job. */
    Aborted,
    /** The other host could not be reached. */
    PeerUnreachable,
    CpuIncompatible,
    /** The other host can't run such a machine. */
    Incompatible,
    /** libvirt holds the migration for unsafe (storage that is not shared). */
    Unsafe,
    Unsupported,
    /** The other host can't receive a post-copy; nothing was sent. */
    PostCopyUnsupported,
    /** The guest's memory may not be locked for zero-copy; nothing was sent. */
    LockedMemory,
    NoSpace,
    Timeout,
    Other
  }

  private final Kind kind;
  private final int code;

  public HypervisorException(Kind kind, int code, String message) {
    super(message);
    this.kind = kind;
    this.code = code;
  }

  public HypervisorException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.code = -1;
  }

  public Kind kind() {
    return kind;
  }

  /** libvirt's {@code virErrorNumber}, or -1. */
  public int code() {
    return code;
  }
}
