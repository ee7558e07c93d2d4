package dev.drover.node.handover;

import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.TargetView;

/**
 * Decides where the guest is. A pure function, so that each of its rows can be tested.
 *
 * <p>Why it is safe: a paused guest on the target looks the same after success and after failure,
 * so only the source's process decides. While it lives, nothing is ever resumed; once it is gone,
 * it can't come back.
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
          e.release() != Release.None
              ? new Verdict.Switched()
              : new Verdict.Wait(
                  "the source's process is gone, and the guest is defined on the target, shut off");
      case RunsPostCopy ->
          e.call() == Call.Succeeded
              ? new Verdict.Switched()
              : new Verdict.Wait(
                  "the guest runs at the target, which has not said yet that all of its memory is there");
      case Incoming ->
          new Verdict.Wait(
              "the source's process is gone, and the target has not got all of the guest");
      case Absent ->
          e.call() == Call.Open
              ? new Verdict.Wait(
                  "the source's process is gone, and libvirt's call has not returned")
              : e.release() == Release.Undefined || e.call() == Call.Succeeded
                  ? new Verdict.Wait(
                      "the source has let go of the guest, and the target has nothing of it")
                  : new Verdict.GuestLost();
      case Unknown ->
          new Verdict.Wait(
              "the source's process is gone, and the target's libvirt does not answer");
    };
  }

  private static Verdict whileSourceLives(Evidence e) {
    if (e.call() == Call.Open) {
      return new Verdict.Wait("the transfer runs");
    }
    return switch (e.source()) {
      case AsBefore ->
          e.target() == TargetView.Runs || e.target() == TargetView.RunsPostCopy
              ? new Verdict.Wait("the guest runs on both hosts")
              : new Verdict.Stopped();
      case HeldForMigration ->
          new Verdict.Wait("libvirt's call is over, and the source still holds the guest for it");
      case HeldForPostCopy ->
          new Verdict.Wait("post-copy is broken; both halves of the guest are kept");
      case Inactive -> new Verdict.Wait("the source's process is about to end");
      case Unknown -> new Verdict.Wait("the source's libvirt does not answer");
    };
  }
}
