package dev.drover.node.handover;

/** What follows from the evidence. */
public sealed interface Verdict {

  /** The guest is complete at the target and can't run at the source: let it go on, now. */
  record ResumeTarget() implements Verdict {}

  /** The guest is at the target, and nowhere else. */
  record Switched() implements Verdict {}

  /** The guest is at the source as it was, and nothing of it runs at the target. */
  record Stopped() implements Verdict {}

  /** The guest is on neither host. */
  record GuestLost() implements Verdict {}

  /** Not decided: touch nothing, look again. */
  record Wait(String because) implements Verdict {}
}
