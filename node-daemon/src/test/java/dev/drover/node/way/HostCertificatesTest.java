package dev.drover.node.way;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.TargetReport.Authorities;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * With certificates of two CAs that go by the same name, made by openssl; valid from 2026-11-25 on,
 * {@code short.pem} for 30 days.
 */
class HostCertificatesTest {
  private static final String ADDRESS = "192.0.2.1";
  private static final Instant NOW = Instant.parse("2027-03-01T00:00:00Z");
  private static final Map<String, String> GOOD =
      Map.of(
          "CA/cacert.pem", "ca.pem",
          "libvirt/servercert.pem", "server.pem",
          "libvirt/clientcert.pem", "client.pem",
          "libvirt/private/serverkey.pem", "ca.pem",
          "libvirt/private/clientkey.pem", "ca.pem",
          "qemu/ca-cert.pem", "ca.pem",
          "qemu/server-cert.pem", "server.pem",
          "qemu/client-cert.pem", "client.pem",
          "qemu/server-key.pem", "ca.pem",
          "qemu/client-key.pem", "ca.pem");

  @TempDir private Path pki;

  @BeforeEach
  void allIsWell() {
    GOOD.forEach(this::put);
  }

  private void put(String file, String... content) {
    try {
      var path = pki.resolve(file);
      Files.createDirectories(path.getParent());
      Files.deleteIfExists(path);
      var text = new StringBuilder();
      for (String one : content) {
        text.append(Files.readString(Path.of("src/test/resources/pki", one)));
      }
      Files.writeString(path, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void put(String file, String content) {
    put(file, new String[] {content});
  }

  private HostCertificates at(String address, Instant now) {
    return new HostCertificates(pki, InetAddress.ofLiteral(address), () -> now);
  }

  private HostCertificates certificates() {
    return at(ADDRESS, NOW);
  }

  private static List<String> reasons(List<Blocker> blockers) {
    return blockers.stream().map(Blocker::reason).toList();
  }

  @Test
  void whatIsInOrderIsNotTold() {
    assertThat(certificates().asServer().blockers()).isEmpty();
    assertThat(certificates().asServer().warnings()).isEmpty();
    assertThat(certificates().asClient().blockers()).isEmpty();
    assertThat(at("2001:db8::1", NOW).asServer().blockers()).isEmpty();
  }

  @Test
  void aFileThatIsNotThereIsNamed() throws IOException {
    Files.delete(pki.resolve("qemu/client-key.pem"));
    Files.delete(pki.resolve("libvirt/clientcert.pem"));
    var blockers = certificates().asClient().blockers();
    assertThat(reasons(blockers)).containsExactly("CertificateMissing", "CertificateMissing");
    assertThat(blockers.getFirst().message()).contains("libvirt/clientcert.pem is not there");
    assertThat(blockers.getLast().message()).contains("qemu/client-key.pem is not there");
    assertThat(certificates().asServer().blockers()).as("the server's are there").isEmpty();
  }

  @Test
  void whatIsNoCertificateIsTold() throws IOException {
    Files.writeString(pki.resolve("qemu/server-cert.pem"), "-----BEGIN CERTIFICATE-----\n");
    assertThat(reasons(certificates().asServer().blockers())).containsExactly("CertificateMissing");
    Files.writeString(pki.resolve("qemu/server-cert.pem"), "");
    assertThat(reasons(certificates().asServer().blockers())).containsExactly("CertificateMissing");
  }

  @Test
  void aCertificateOfTheWrongTimeIsTold() {
    var early = at(ADDRESS, Instant.parse("2026-11-24T00:00:00Z")).asServer().blockers();
    // Those of libvirt and QEMU, and the CA of each.
    assertThat(reasons(early)).hasSize(4).containsOnly("CertificateExpired");
    assertThat(early.getFirst().message()).contains("valid from 2026-11-25", "2026-11-24");

    put("qemu/server-cert.pem", "short.pem");
    var late = certificates().asServer().blockers();
    assertThat(reasons(late)).containsExactly("CertificateExpired");
    assertThat(late.getFirst().message())
        .contains("qemu/server-cert.pem was valid until 2026-12-25");

    var soon = at(ADDRESS, Instant.parse("2026-12-20T00:00:00Z")).asServer();
    assertThat(soon.blockers()).isEmpty();
    assertThat(soon.warnings())
        .singleElement()
        .satisfies(w -> assertThat(w.message()).contains("2026-12-25"));
  }

  @Test
  void anAddressThatIsNotInItIsTold() {
    var blockers = at("192.0.2.7", NOW).asServer().blockers();
    assertThat(reasons(blockers))
        .containsExactly("CertificateNameMismatch", "CertificateNameMismatch");
    assertThat(blockers.getFirst().message()).contains("192.0.2.7", ADDRESS);
    assertThat(at("192.0.2.7", NOW).asClient().blockers()).as("a client has no name").isEmpty();
  }

  @Test
  void anAddressAsADnsNameDoesNotCount() {
    put("libvirt/servercert.pem", "dns-only.pem");
    assertThat(reasons(certificates().asServer().blockers()))
        .containsExactly("CertificateNameMismatch");
  }

  @Test
  void anotherCaOfTheSameNameIsFoundOut() {
    put("CA/cacert.pem", "same-name-ca.pem");
    assertThat(reasons(certificates().asServer().blockers()))
        .containsExactly("CertificateUntrusted");
    assertThat(reasons(certificates().asClient().blockers()))
        .containsExactly("CertificateUntrusted");
    put("CA/cacert.pem", "same-name-ca.pem", "ca.pem");
    assertThat(certificates().asServer().blockers()).as("one of two").isEmpty();
  }

  @Test
  void aCertificateBetweenIsFollowed() {
    put("libvirt/servercert.pem", "chained.pem");
    assertThat(certificates().asServer().blockers()).isEmpty();
  }

  @Test
  void twoHostsBelieveEachOtherIfTheyHaveTheSameCa() {
    Authorities own = certificates().authorities().orElseThrow();
    assertThat(own.libvirt()).hasSize(1);
    assertThat(certificates().against("n2", own)).isEmpty();

    put("CA/cacert.pem", "ca.pem", "same-name-ca.pem");
    Authorities more = certificates().authorities().orElseThrow();
    assertThat(more.libvirt().getFirst()).as("the signer").isEqualTo(own.libvirt().getFirst());
    put("CA/cacert.pem", "ca.pem");
    assertThat(certificates().against("n2", more)).isEmpty();

    var other = new Authorities(List.of("00"), own.qemu());
    var blockers = certificates().against("n2", other);
    assertThat(reasons(blockers)).containsExactly("CertificateUntrusted", "CertificateUntrusted");
    assertThat(blockers.getFirst().message()).contains("n2's libvirt", "CA/cacert.pem");
    assertThat(blockers.getLast().message()).contains("clientcert.pem");
  }
}
