package dev.drover.node.certificate;

import java.time.Duration;

/** Where certificates are asked for. */
interface SigningRequests {

  /** What has become of a request. */
  sealed interface Answer {

    /** Nobody has answered yet. */
    record Pending() implements Answer {}

    /** Denied, or failed; in words. */
    record Refused(String message) implements Answer {}

    /** The certificate, and what is between it and the CA. */
    record Issued(String pem) implements Answer {}

    /** There is no such request any more. */
    record Gone() implements Answer {}
  }

  /** The API server did not take it, or did not answer. */
  final class UnavailableException extends Exception {
    private static final long serialVersionUID = 1;

    UnavailableException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** Asks; returns the name under which the answer will be. */
  String submit(String requestPem, Duration lifetime) throws UnavailableException;

  Answer answer(String name) throws UnavailableException;
}
