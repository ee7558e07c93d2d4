package dev.drover.node.inventory;

/** The API server did not do what it was asked. */
final class ApiException extends Exception {
  private static final long serialVersionUID = 1;

  /** What to make of it. */
  enum Kind {
    /** No answer, or it can't answer anybody now: nothing else would fare better. */
    Away,
    /** It won't do this; other requests may be welcome. */
    Refused
  }

  private final Kind kind;
  private final int code;

  ApiException(Kind kind, int code, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.code = code;
  }

  Kind kind() {
    return kind;
  }

  /** HTTP status; 0 without an answer. */
  int code() {
    return code;
  }
}
