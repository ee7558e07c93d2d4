package dev.drover.node.way;

import dev.drover.api.v1alpha1.Reason;
import java.time.Instant;
import java.util.Optional;

/**
 * What there is to be told of a host's certificates.
 *
 * @param reason {@link Reason#CertificatesValid} if all is well
 * @param notAfter of the one that ends first; empty if there is none
 */
public record CertificateState(Reason reason, String message, Optional<Instant> notAfter) {

  /** Of a host whose guests leave it unencrypted. */
  public static CertificateState plainText() {
    return new CertificateState(Reason.PlainText, Reason.PlainText.meaning(), Optional.empty());
  }

  public boolean isValid() {
    return reason == Reason.CertificatesValid;
  }
}
