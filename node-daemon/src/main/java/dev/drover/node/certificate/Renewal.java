package dev.drover.node.certificate;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.LogKeys;
import dev.drover.node.certificate.InstalledFiles.Issue;
import dev.drover.node.certificate.SigningRequests.Answer;
import dev.drover.node.certificate.SigningRequests.UnavailableException;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.way.CertificateFile;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gets this host its certificate, and a new one with a new key after two thirds of its life. Puts
 * it in place while no transfer of this host's is under way; only if hardly any life is left, at
 * once. What was good stays until something better is there.
 */
final class Renewal {
  private static final Logger LOG = LoggerFactory.getLogger(Renewal.class);

  static final Duration LOOK_AGAIN = Duration.ofSeconds(10);
  static final Duration ASK_AGAIN = Duration.ofSeconds(1);

  /** The API server forgets requests that nobody answers; a denied one may be right later. */
  static final Duration PATIENCE = Duration.ofMinutes(5);

  /**
   * Who and where.
   *
   * @param authorities file of the CAs that all hosts trust
   * @param lifetime that is asked for
   */
  record Host(String node, InetAddress address, Path authorities, Duration lifetime) {}

  /** A problem, as it is to be told. */
  record Trouble(Reason reason, String message) {}

  private record Asked(String name, KeyAndRequest request, Instant at) {}

  private final Host host;
  private final InstalledFiles files;
  private final SigningRequests requests;
  private final Hypervisor hypervisor;
  private final BooleanSupplier quiet;
  private final InstantSource clock;
  private @Nullable Asked asked;
  private @Nullable Issue waiting;
  private @Nullable Trouble refusal;

  /** At the start, too: one may have been installed right before an earlier life's end. */
  private boolean untold = true;

  /**
   * @param quiet whether no transfer of this host's is under way or about to begin
   */
  Renewal(
      Host host,
      InstalledFiles files,
      SigningRequests requests,
      Hypervisor hypervisor,
      BooleanSupplier quiet,
      InstantSource clock) {
    this.host = host;
    this.files = files;
    this.requests = requests;
    this.hypervisor = hypervisor;
    this.quiet = quiet;
    this.clock = clock;
  }

  /** One step; what keeps it from being done, if anything does. */
  Optional<Trouble> step() {
    try {
      var foreign = files.foreign();
      if (foreign.isPresent()) {
        return trouble(Reason.CertificateForeign, foreign.get() + " was not made by Drover");
      }
      String authorities = Files.readString(host.authorities());
      var trusted = CertificateFile.parse(host.authorities(), authorities);
      Optional<Issue> current = files.current();
      takeAnswer(authorities, trusted);
      if (waiting == null && current.isPresent() && isStale(current.get(), authorities, trusted)) {
        waiting = new Issue(current.get().key(), current.get().certificate(), authorities);
      }
      install(current);
      ask(current, trusted);
      return tell().or(this::whyNot);
    } catch (IOException e) {
      return trouble(Reason.CertificateMissing, String.valueOf(e));
    } catch (UnavailableException e) {
      return trouble(Reason.CertificateRequested, String.valueOf(e.getMessage()));
    }
  }

  /** How long until the next step: soon while an answer is waited for. */
  Duration pause() {
    return asked != null || waiting != null ? ASK_AGAIN : LOOK_AGAIN;
  }

  private static Optional<Trouble> trouble(Reason reason, String message) {
    return Optional.of(new Trouble(reason, message));
  }

  private Optional<Trouble> whyNot() {
    if (refusal != null) {
      return Optional.of(refusal);
    }
    return asked == null
        ? Optional.empty()
        : trouble(
            Reason.CertificateRequested, "CertificateSigningRequest %s".formatted(asked.name()));
  }

  /** Whether the CAs have changed, and the certificate is good by the new ones. */
  private static boolean isStale(Issue current, String authorities, CertificateFile trusted)
      throws IOException {
    return !current.authorities().equals(authorities)
        && current.certificateFile().signer(trusted).isPresent();
  }

  private void takeAnswer(String authorities, CertificateFile trusted)
      throws UnavailableException, IOException {
    var request = asked;
    if (request == null) {
      return;
    }
    switch (requests.answer(request.name())) {
      case Answer.Pending() -> {
        if (clock.instant().isAfter(request.at().plus(PATIENCE))) {
          asked = null;
        }
      }
      case Answer.Gone() -> asked = null;
      case Answer.Refused(var message) -> {
        if (refusal == null) {
          LOG.atWarn()
              .addKeyValue(LogKeys.KEY, request.name())
              .addKeyValue(LogKeys.REASON, message)
              .log("This host gets no certificate");
        }
        refusal = new Trouble(Reason.CertificateDenied, message);
        if (clock.instant().isAfter(request.at().plus(PATIENCE))) {
          asked = null;
        }
      }
      case Answer.Issued(var pem) -> {
        asked = null;
        var issued = CertificateFile.parse(Path.of(request.name()), pem);
        refusal = wrongWith(issued, request.request(), trusted).orElse(null);
        if (refusal == null) {
          waiting = new Issue(request.request().keyPem(), pem, authorities);
        }
      }
    }
  }

  /** Nothing is installed that would not work. */
  private Optional<Trouble> wrongWith(
      CertificateFile issued, KeyAndRequest request, CertificateFile trusted) {
    if (!issued.own().getPublicKey().equals(request.publicKey())) {
      return trouble(Reason.CertificateUntrusted, issued.path() + " is for another key");
    }
    if (issued.signer(trusted).isEmpty()) {
      return trouble(
          Reason.CertificateUntrusted,
          "%s is not signed by a CA in %s".formatted(issued.path(), trusted.path()));
    }
    if (!issued.names(host.address())) {
      return trouble(
          Reason.CertificateNameMismatch,
          "%s is not for %s".formatted(issued.path(), host.address().getHostAddress()));
    }
    return Lifetime.of(issued.own()).contains(clock.instant())
        ? Optional.empty()
        : trouble(Reason.CertificateExpired, issued.path() + " is not valid by this host's clock");
  }

  private void install(Optional<Issue> current) throws IOException {
    var issue = waiting;
    if (issue == null || !(quiet.getAsBoolean() || isUrgent(current))) {
      return;
    }
    try {
      files.install(issue, hypervisor.emulatorGroup());
    } catch (HypervisorException e) {
      return; // libvirt says who reads the key; until then nothing of this host's moves anyway
    }
    waiting = null;
    untold = true;
    LOG.atInfo()
        .addKeyValue("notAfter", issue.certificateFile().own().getNotAfter().toInstant())
        .log("New certificates are in place");
  }

  private boolean isUrgent(Optional<Issue> current) throws IOException {
    return current.isEmpty()
        || Lifetime.of(current.get().certificateFile().own()).isNearlyOver(clock.instant());
  }

  private void ask(Optional<Issue> current, CertificateFile trusted)
      throws UnavailableException, IOException {
    if (asked != null || waiting != null || !isDue(files.current(), trusted)) {
      return;
    }
    var request = KeyAndRequest.make(host.node(), host.address());
    asked =
        new Asked(requests.submit(request.requestPem(), host.lifetime()), request, clock.instant());
    LOG.atInfo()
        .addKeyValue(LogKeys.KEY, asked.name())
        .addKeyValue("first", current.isEmpty())
        .log("A certificate has been asked for");
  }

  private boolean isDue(Optional<Issue> current, CertificateFile trusted) throws IOException {
    if (current.isEmpty()) {
      return true;
    }
    var certificate = current.get().certificateFile();
    return certificate.signer(trusted).isEmpty()
        || !certificate.names(host.address())
        || !clock.instant().isBefore(Lifetime.of(certificate.own()).renewAt(host.node()));
  }

  /** libvirtd serves what it has read. */
  private Optional<Trouble> tell() throws IOException {
    if (!untold || files.current().isEmpty() || !quiet.getAsBoolean()) {
      return Optional.empty();
    }
    try {
      hypervisor.rereadCertificates();
      untold = false;
      LOG.atInfo().log("libvirtd has read its certificates anew");
      return Optional.empty();
    } catch (HypervisorException e) {
      return trouble(
          Reason.LibvirtError,
          "libvirtd could not be told of its certificates (%s): it has to be restarted"
              .formatted(e.getMessage()));
    }
  }
}
