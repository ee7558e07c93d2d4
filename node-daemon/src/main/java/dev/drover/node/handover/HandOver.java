package dev.drover.node.handover;

import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.handover.Evidence.Written;

/**
 * Decides where the guest is, and what is to be done so that it is in one place: at the end of each
 * transfer, and whenever a daemon finds one that it has not seen begin. A pure function, so that
 * each of its rows can be tested; docs/explanation/hand-over.md has them all.
 *
 * <p>Why it is safe: a paused guest on the target looks the same after success and after failure,
 * so only the source's process decides. While it lives, the target is never resumed; once it is
 * gone, it can't come back.
 *
 * <p>A guest that the source holds for a transfer that is over goes on at the source, also if the
 * target has all of it: that takes only steps that can be repeated (the copy is destroyed, then the
 * original goes on), so it needs no note in status and no API server, whoever dies in between, and
 * it can't meet the other daemon's hand-over, which begins with the end of the source's process.
 */
public final class HandOver {
  private HandOver() {}

  public static Verdict decide(Evidence e) {
    return e.sourceProcessGone() ? afterSource(e) : whileSourceLives(e);
  }

  private static Verdict afterSource(Evidence e) {
    return switch (e.target()) {
      case Runs -> new Verdict.Switched();
      // INVARIANT: the only way to ResumeTarget. The source's process is gone, and it was let go
      // for this very target, which
      // has all of the guest.
      case CompleteAndHeld ->
          e.release() == Release.None
              ? new Verdict.Wait(
                  "the source's process is gone, and it is not certain that the guest did not run on there after the"
                      + " target got its copy; whoever knows resumes it on the target or destroys it there")
              : e.guestWasPaused() ? new Verdict.Switched() : new Verdict.ResumeTarget();
      case ArrivedAndOff ->
          isGivenUpByLibvirt(e)
              ? endedAtTarget()
              : e.release() != Release.None
                  ? new Verdict.Switched()
                  : new Verdict.Wait(
                      "the source's process is gone, and the guest is defined on the target, shut off");
      case Discarded ->
          isGivenUpByLibvirt(e)
              ? endedAtTarget()
              : new Verdict.Wait(
                  "the source's process is gone, and the target's libvirt has shut its half of the guest off");
      case RunsPostCopy ->
          e.call() == Call.Succeeded
              ? new Verdict.Switched()
              : new Verdict.Wait(
                  "the source's process is gone, and the target has not said that it has all of the guest's memory. If the"
                      + " guest stands still there, the rest is lost with that process: whoever knows destroys it"
                      + " there (virsh destroy), and starts it from its disks there; they are kept");
      case Incoming ->
          // Its libvirt ends it by itself, unless it waits in post-copy for a link that can't come
          // back.
          isGivenUpByLibvirt(e)
              ? new Verdict.GuestLost(
                  "The guest's process ended, and the target has not got all of the guest")
              : new Verdict.Wait(
                  "the source's process is gone, and the target has not got all of the guest");
      case Absent ->
          e.call() == Call.Open
              ? new Verdict.Wait(
                  "the source's process is gone, and libvirt's call has not returned")
              : isConfirmed(e.release()) || e.call() == Call.Succeeded
                  ? new Verdict.Wait(
                      "the source has let go of the guest, and the target has nothing of it")
                  : new Verdict.GuestLost(
                      "The guest's process ended, and the target has not got the guest");
      case HostFenced ->
          new Verdict.GuestLost(
              e.release() == Release.None
                  ? "The guest's process ended, and the target's host is fenced"
                  : "The guest had been handed over to the target, whose host is fenced");
      case Unknown ->
          new Verdict.Wait(
              "the source's process is gone, and the target's libvirt does not answer");
    };
  }

  /**
   * A transfer whose target starts by itself; libvirt's call has failed, and nothing is left here.
   */
  private static boolean isGivenUpByLibvirt(Evidence e) {
    return !e.fenced() && e.call() == Call.Failed && !isConfirmed(e.release());
  }

  private static Verdict endedAtTarget() {
    return new Verdict.GuestLost("The guest's process ended, and so has what the target had", true);
  }

  /** The target has confirmed that it has the guest. */
  private static boolean isConfirmed(Release release) {
    return release == Release.Undefined || release == Release.Told;
  }

  private static Verdict whileSourceLives(Evidence e) {
    if (e.call() == Call.Open) {
      return new Verdict.Wait("the transfer runs");
    }
    return switch (e.source()) {
      case AsBefore -> asBefore(e);
      case HeldForMigration -> held(e);
      case HeldForPostCopy -> heldForPostCopy(e);
      case Inactive -> new Verdict.Wait("the source's process is about to end");
      case Unknown -> new Verdict.Wait("the source's libvirt does not answer");
    };
  }

  private static Verdict heldForPostCopy(Evidence e) {
    boolean failedAndEnded = e.target().hasNoProcess() && e.call() == Call.Failed;
    if (e.target() == TargetView.HostFenced || failedAndEnded) {
      return new Verdict.EndSource(); // the guest has run on there; what is here is old
    }
    return new Verdict.Wait(
        e.target().hasNoProcess()
            ? "libvirt says that the guest has moved, and it does not run there"
            : "post-copy is broken; both halves of the guest are kept");
  }

  private static Verdict asBefore(Evidence e) {
    if (e.target() == TargetView.Runs || e.target() == TargetView.RunsPostCopy) {
      return new Verdict.Wait("the guest runs on both hosts");
    }
    return e.written() == Written.Intended
            && e.call() == Call.Failed
            && e.target() == TargetView.Absent
        ? new Verdict.Start()
        : new Verdict.Stopped();
  }

  private static Verdict held(Evidence e) {
    if (e.guestWasPaused()) {
      return new Verdict.Wait("the source holds the guest, as somebody did before the transfer");
    }
    if (e.call() == Call.Succeeded && e.target() != TargetView.Runs) {
      return new Verdict.Wait(
          "libvirt says that the guest has moved, and the source's process has not ended yet");
    }
    return switch (e.target()) {
      case Runs -> new Verdict.EndSource();
      // INVARIANT: only what has never run. A target that starts by itself may have run and have
      // been held or shut off since.
      case Incoming, CompleteAndHeld, Discarded ->
          e.fenced()
              ? new Verdict.DiscardTarget()
              : new Verdict.Wait(
                  "libvirt's call is over, the source still holds the guest for it, and with commit Direct it may have"
                      + " run at the target; whoever knows ends one of the two");
      // INVARIANT: nothing that has ever run, and nothing that can still begin to.
      case Absent, HostFenced ->
          e.fenced()
              ? new Verdict.ResumeSource()
              : new Verdict.Wait(
                  "libvirt's call is over, the source still holds the guest for it, and with commit Direct it may have"
                      + " run at the target and be gone since; whoever knows resumes or destroys it here");
      case ArrivedAndOff ->
          new Verdict.Wait(
              "the source still holds the guest, and it is defined on the target, shut off: it may have run there");
      case RunsPostCopy ->
          new Verdict.Wait("the guest runs at the target, and fetches memory from here");
      case Unknown ->
          new Verdict.Wait(
              "libvirt's call is over, the source still holds the guest for it, and the target's libvirt does not answer");
    };
  }
}
