package dev.drover.node.certificate;

import dev.drover.node.LogKeys;
import dev.drover.node.certificate.Renewal.Host;
import dev.drover.node.certificate.Renewal.Trouble;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.inventory.Loop;
import dev.drover.node.way.CertificateState;
import dev.drover.node.way.HostCertificates;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks after this host's certificates as long as it is open, and tells what became of them. */
public final class CertificateCare implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CertificateCare.class);
  private static final Duration LOOK_AT_OTHERS = Duration.ofSeconds(30);

  private final HostCertificates certificates;
  private final @Nullable Renewal renewal;
  private final Consumer<CertificateState> told;
  private final Loop loop;
  private Optional<Trouble> logged = Optional.empty();

  private CertificateCare(
      HostCertificates certificates, @Nullable Renewal renewal, Consumer<CertificateState> told) {
    this.certificates = certificates;
    this.renewal = renewal;
    this.told = told;
    this.loop = Loop.of("certificates", _ -> round());
  }

  /** Of certificates that the host's admin brings: they are only looked at. */
  public static CertificateCare watching(
      HostCertificates certificates, Consumer<CertificateState> told) {
    return new CertificateCare(certificates, null, told);
  }

  /**
   * Of certificates that Drover installs and renews.
   *
   * @param pki {@code /etc/pki}
   * @param authorities file of the CAs that all hosts trust
   * @param quiet whether no transfer of this host's is under way or about to begin
   */
  public static CertificateCare renewing(
      HostCertificates certificates,
      String node,
      InetAddress address,
      Path pki,
      Path authorities,
      Duration lifetime,
      ApiSigningRequests requests,
      Hypervisor hypervisor,
      BooleanSupplier quiet,
      InstantSource clock,
      Consumer<CertificateState> told) {
    return new CertificateCare(
        certificates,
        new Renewal(
            new Host(node, address, authorities, lifetime),
            new InstalledFiles(pki),
            requests,
            hypervisor,
            quiet,
            clock),
        told);
  }

  public void start() {
    loop.start();
  }

  private Duration round() {
    if (renewal == null) {
      told.accept(certificates.state());
      return LOOK_AT_OTHERS;
    }
    var trouble = renewal.step();
    if (!trouble.equals(logged)) {
      logged = trouble;
      trouble.ifPresent(
          now ->
              LOG.atWarn()
                  .addKeyValue(LogKeys.REASON, now.reason())
                  .addKeyValue(LogKeys.ERROR, now.message())
                  .log("The host's certificates are not as they should be"));
    }
    told.accept(together(certificates.state(), trouble));
    return renewal.pause();
  }

  /** What is valid stays so, whatever hinders its renewal; what is not has the nearest cause. */
  static CertificateState together(CertificateState state, Optional<Trouble> trouble) {
    return trouble
        .map(
            t ->
                state.isValid()
                    ? new CertificateState(
                        state.reason(),
                        "%s %s: %s".formatted(state.message(), t.reason(), t.message()),
                        state.notAfter())
                    : new CertificateState(t.reason(), t.message(), state.notAfter()))
        .orElse(state);
  }

  @Override
  public void close() {
    loop.close();
  }
}
