package dev.drover.operator.certificate;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.operator.certificate.HostRule.Verdict;
import dev.drover.operator.status.StatusWriter;
import io.fabric8.kubernetes.api.model.NodeAddress;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequest;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestCondition;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestConditionBuilder;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestStatusBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Approves what a host may have, denies everything else of a daemon's, and signs what it has
 * approved if the CA is Drover's own. Judged once more before it is signed: somebody else may have
 * approved it.
 */
@ControllerConfiguration(name = "certificates", generationAwareEventProcessing = false)
public final class SigningRequestReconciler implements Reconciler<CertificateSigningRequest> {
  private static final Logger LOGGER = LoggerFactory.getLogger(SigningRequestReconciler.class);
  private static final Duration TRY_AGAIN = Duration.ofSeconds(30);

  private final KubernetesClient client;
  private final StatusWriter writer;
  private final InstantSource clock;
  private final CertificateConfig config;
  private final HostRule rule;

  public SigningRequestReconciler(
      KubernetesClient client,
      StatusWriter writer,
      InstantSource clock,
      CertificateConfig config,
      String namespace) {
    this.client = client;
    this.writer = writer;
    this.clock = clock;
    this.config = config;
    this.rule = new HostRule(namespace, this::addresses, this::hostsAt);
  }

  /** Of the Node, which is its kubelet's to write and not the daemon's. */
  private Set<InetAddress> addresses(String node) {
    return Optional.ofNullable(client.nodes().withName(node).get()).stream()
        .filter(found -> found.getStatus() != null && found.getStatus().getAddresses() != null)
        .flatMap(found -> found.getStatus().getAddresses().stream())
        .filter(address -> address.getType().equals("InternalIP"))
        .map(NodeAddress::getAddress)
        .flatMap(address -> literal(address).stream())
        .collect(Collectors.toSet());
  }

  /** Asked of the API server itself: what is decided here lasts longer than a cache's lag. */
  private Set<String> hostsAt(InetAddress address) {
    return client.resources(HypervisorNode.class).list().getItems().stream()
        .filter(host -> host.getStatus() != null && host.getStatus().migrationAddress() != null)
        .filter(
            host ->
                literal(String.valueOf(host.getStatus().migrationAddress()))
                    .filter(address::equals)
                    .isPresent())
        .map(host -> host.getMetadata().getName())
        .collect(Collectors.toSet());
  }

  private static Optional<InetAddress> literal(String address) {
    try {
      return Optional.of(InetAddress.ofLiteral(address));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // a name: no address
    }
  }

  @Override
  public UpdateControl<CertificateSigningRequest> reconcile(
      CertificateSigningRequest request, Context<CertificateSigningRequest> context) {
    UpdateControl<CertificateSigningRequest> control = UpdateControl.noUpdate();
    // Said here, too: whoever watches more must not answer more.
    if (!request.getSpec().getSignerName().equals(config.signerName())
        || has(request, "Denied")
        || has(request, "Failed")
        || isIssued(request)) {
      return control;
    }
    if (config.authority().isEmpty() && !rule.concerns(request.getSpec())) {
      return control; // somebody else's, for a signer that is not only Drover's
    }
    switch (rule.judge(request.getSpec())) {
      case Verdict.Refused(var message) -> refuse(request, message);
      case Verdict.Allowed allowed -> {
        if (!has(request, "Approved")) {
          approve(request, allowed);
        } else if (!sign(request, allowed)) {
          control.rescheduleAfter(TRY_AGAIN);
        }
      }
    }
    return control;
  }

  private void refuse(CertificateSigningRequest request, String message) {
    LOGGER
        .atWarn()
        .addKeyValue("name", request.getMetadata().getName())
        .addKeyValue("username", request.getSpec().getUsername())
        .addKeyValue("reason", message)
        .log("A request for a certificate is refused");
    if (!has(request, "Approved")) { // nothing can be both
      client
          .certificates()
          .v1()
          .certificateSigningRequests()
          .withName(request.getMetadata().getName())
          .deny(condition("Denied", message));
    }
  }

  private void approve(CertificateSigningRequest request, Verdict.Allowed allowed) {
    client
        .certificates()
        .v1()
        .certificateSigningRequests()
        .withName(request.getMetadata().getName())
        .approve(
            condition(
                "Approved", "the daemon of %s asks for its own host".formatted(allowed.node())));
    LOGGER
        .atInfo()
        .addKeyValue("name", request.getMetadata().getName())
        .addKeyValue("node", allowed.node())
        .log("A host's certificate is approved");
  }

  private CertificateSigningRequestCondition condition(String type, String message) {
    return new CertificateSigningRequestConditionBuilder()
        .withType(type)
        .withStatus("True")
        .withReason("DroverHost")
        .withMessage(message)
        .build();
  }

  /** Whether that is done, or not Drover's to do. */
  private boolean sign(CertificateSigningRequest request, Verdict.Allowed allowed) {
    if (config.authority().isEmpty()) {
      return true;
    }
    Duration asked =
        request.getSpec().getExpirationSeconds() == null
            ? config.longest()
            : Duration.ofSeconds(request.getSpec().getExpirationSeconds());
    Duration lifetime = asked.compareTo(config.longest()) < 0 ? asked : config.longest();
    try {
      String pem =
          new Authority(config.authority().get())
              .sign(allowed.request(), lifetime, clock.instant());
      writer.apply(signed(request, pem));
      LOGGER
          .atInfo()
          .addKeyValue("name", request.getMetadata().getName())
          .addKeyValue("node", allowed.node())
          .log("A host's certificate is signed");
      return true;
    } catch (IOException e) {
      LOGGER
          .atError()
          .addKeyValue("name", request.getMetadata().getName())
          .addKeyValue("error", e.getMessage())
          .log("A host's certificate can't be signed");
      return false;
    }
  }

  private static CertificateSigningRequest signed(CertificateSigningRequest request, String pem) {
    var fresh = new CertificateSigningRequest();
    fresh.setMetadata(
        new ObjectMetaBuilder()
            .withName(request.getMetadata().getName())
            .withUid(request.getMetadata().getUid())
            .withResourceVersion(request.getMetadata().getResourceVersion())
            .build());
    fresh.setStatus(
        new CertificateSigningRequestStatusBuilder()
            .withCertificate(
                Base64.getEncoder().encodeToString(pem.getBytes(StandardCharsets.US_ASCII)))
            .build());
    return fresh;
  }

  private static boolean has(CertificateSigningRequest request, String type) {
    return request.getStatus() != null
        && request.getStatus().getConditions() != null
        && Stream.of(request.getStatus())
            .flatMap(status -> status.getConditions().stream())
            .anyMatch(condition -> condition.getType().equals(type));
  }

  private static boolean isIssued(CertificateSigningRequest request) {
    return request.getStatus() != null
        && request.getStatus().getCertificate() != null
        && !request.getStatus().getCertificate().isEmpty();
  }
}
