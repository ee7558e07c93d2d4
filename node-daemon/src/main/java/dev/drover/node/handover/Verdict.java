package dev.drover.node.handover;

/** What follows from the evidence. */
public sealed interface Verdict {

  /** The guest is complete at the target and can't run at the source: let it go on, now. */
  record ResumeTarget() implements Verdict {}

  /** The guest is at the target, and nowhere else. */
  record Switched() implements Verdict {}

  /** The guest is at the source as it was, and nothing of it runs at the target. */
  record Stopped() implements Verdict {}

  /**
   * The guest is on neither host.
   *
   * @param hadArrived the target has a definition of it, so that it may have run there
   */
  record GuestLost(String because, boolean hadArrived) implements Verdict {
    GuestLost(String because) {
      this(because, false);
    }
  }

  /** The transfer was only intended, and nothing of it is anywhere: start it. */
  record Start() implements Verdict {}

  /**
   * The source holds the guest for a transfer that is over, and the target's half has never run:
   * destroy that half. Then the evidence is another.
   */
  record DiscardTarget() implements Verdict {}

  /** The source holds the guest for a transfer that is over, and nothing of it is at the target. */
  record ResumeSource() implements Verdict {}

  /** The guest runs, or has run, at the target, and what the source holds is stale: end it. */
  record EndSource() implements Verdict {}

  /** Not decided: touch nothing, look again. */
  record Wait(String because) implements Verdict {}
}
