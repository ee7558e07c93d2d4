package dev.drover.node.certificate;

import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;

/** From when until when a certificate is valid. */
record Lifetime(Instant from, Instant until) {
  /** Hosts that were set up at once don't all ask at once: up to a 24th of the life earlier. */
  private static final int JITTER = 24;

  private static final int LITTLE = 10;

  static Lifetime of(X509Certificate certificate) {
    return new Lifetime(
        certificate.getNotBefore().toInstant(), certificate.getNotAfter().toInstant());
  }

  private Duration whole() {
    return Duration.between(from, until);
  }

  /**
   * When a new one is asked for: after two thirds of it, less what is this node's.
   *
   * @param node its name, from which its place among the others follows
   */
  Instant renewAt(String node) {
    var spread = whole().dividedBy(JITTER);
    var own = spread.multipliedBy(Math.floorMod(node.hashCode(), 64)).dividedBy(64);
    return from.plus(whole().multipliedBy(2).dividedBy(3)).minus(own);
  }

  /** Whether so little is left of it (a tenth) that a new one is not kept waiting. */
  boolean isNearlyOver(Instant now) {
    return now.isAfter(until.minus(whole().dividedBy(LITTLE)));
  }

  boolean contains(Instant now) {
    return !now.isBefore(from) && now.isBefore(until);
  }
}
