package dev.drover.node.certificate;

import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequest;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestBuilder;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestCondition;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** {@link SigningRequests} by Kubernetes' CertificateSigningRequests. */
public final class ApiSigningRequests implements SigningRequests {
  /** One certificate for both ends. */
  private static final List<String> USAGES =
      List.of("digital signature", "key encipherment", "server auth", "client auth");

  private static final int DIGEST_BYTES_IN_NAME = 6;

  private final KubernetesClient client;
  private final String nodeName;
  private final String signerName;

  public ApiSigningRequests(KubernetesClient client, String nodeName, String signerName) {
    this.client = client;
    this.nodeName = nodeName;
    this.signerName = signerName;
  }

  @Override
  public String submit(String requestPem, Duration lifetime) throws UnavailableException {
    var name = "drover-host-%s-%s".formatted(nodeName, digest(requestPem));
    var request =
        new CertificateSigningRequestBuilder()
            .withNewMetadata()
            .withName(name)
            .endMetadata()
            .withNewSpec()
            .withSignerName(signerName)
            .withRequest(
                Base64.getEncoder().encodeToString(requestPem.getBytes(StandardCharsets.US_ASCII)))
            .withUsages(USAGES)
            .withExpirationSeconds(Math.toIntExact(lifetime.toSeconds()))
            .endSpec()
            .build();
    var unused = call(() -> client.resource(request).create());
    return name;
  }

  @Override
  public Answer answer(String name) throws UnavailableException {
    var request =
        call(() -> client.certificates().v1().certificateSigningRequests().withName(name).get());
    return request == null ? new Answer.Gone() : answer(request);
  }

  private static Answer answer(CertificateSigningRequest request) {
    var status = request.getStatus();
    if (status == null) {
      return new Answer.Pending();
    }
    Optional<CertificateSigningRequestCondition> refusal =
        Objects.requireNonNullElse(
                status.getConditions(), List.<CertificateSigningRequestCondition>of())
            .stream()
            .filter(c -> c.getType().equals("Denied") || c.getType().equals("Failed"))
            .findFirst();
    if (refusal.isPresent()) {
      return new Answer.Refused(
          Objects.requireNonNullElse(refusal.get().getMessage(), refusal.get().getType()));
    }
    return status.getCertificate() == null || status.getCertificate().isEmpty()
        ? new Answer.Pending()
        : new Answer.Issued(
            new String(
                Base64.getMimeDecoder().decode(status.getCertificate()),
                StandardCharsets.US_ASCII));
  }

  private static <T> @Nullable T call(Supplier<@Nullable T> call) throws UnavailableException {
    try {
      return call.get();
    } catch (KubernetesClientException e) {
      throw new UnavailableException(String.valueOf(e.getMessage()), e);
    }
  }

  private static String digest(String text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII)),
              0,
              DIGEST_BYTES_IN_NAME);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
