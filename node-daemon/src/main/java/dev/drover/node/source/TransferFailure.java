package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;

/** What libvirt's refusal of a transfer is called. */
final class TransferFailure {
  private TransferFailure() {}

  /** Before anything was sent; "can't be reached" is said of this host then. */
  static Reason reasonOfStart(HypervisorException e) {
    return e.kind() == Kind.Unavailable ? Reason.SourceNotReady : reasonOf(e);
  }

  static Reason reasonOf(HypervisorException e) {
    return switch (e.kind()) {
      case PeerUnreachable, Unavailable -> Reason.ConnectionToTargetFailed;
      case CpuIncompatible -> Reason.CpuIncompatible;
      case Incompatible -> Reason.MachineTypeUnsupported;
      case Unsafe -> Reason.StorageNotShared;
      case NoSpace -> Reason.InsufficientDiskSpace;
      case LockedMemory -> Reason.ZeroCopyUnsupported;
      case PostCopyUnsupported -> Reason.PostCopyUnsupported;
      case NotFound, AlreadyExists, Conflict, Aborted, Unsupported, Timeout, Other ->
          Reason.TransferFailed;
    };
  }

  static String describe(HypervisorException e) {
    return "libvirt: " + e.getMessage();
  }
}
