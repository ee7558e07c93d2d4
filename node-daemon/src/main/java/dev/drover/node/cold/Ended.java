package dev.drover.node.cold;

import dev.drover.api.v1alpha1.Reason;

/** The migration is to end, and the guest stays here. */
final class Ended extends Exception {
  private static final long serialVersionUID = 1;

  private final Reason reason;

  Ended(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  Reason reason() {
    return reason;
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
