package dev.drover.node.certificate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.certificate.Renewal.Host;
import dev.drover.node.certificate.Renewal.Trouble;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.way.CertificateState;
import dev.drover.node.way.HostCertificates;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RenewalTest {
  private static final Duration LIFETIME = Duration.ofDays(30);
  private static final InetAddress HERE = InetAddress.ofLiteral("192.0.2.1");

  /** Answers when it is told to. */
  private static final class Requests implements SigningRequests {
    final List<String> submitted = new ArrayList<>();
    Answer next = new Answer.Pending();

    @Override
    public String submit(String requestPem, Duration lifetime) {
      assertThat(lifetime).isEqualTo(LIFETIME);
      submitted.add(requestPem);
      next = new Answer.Pending();
      return "request-" + submitted.size();
    }

    @Override
    public Answer answer(String name) {
      assertThat(name).isEqualTo("request-" + submitted.size());
      return next;
    }
  }

  @TempDir Path directory;
  private final TestAuthority authority = new TestAuthority("hosts");
  private final Requests requests = new Requests();
  private Instant now = Instant.parse("2026-11-29T00:00:00Z");
  private boolean quiet = true;
  private FakeHypervisor hypervisor;
  private Renewal renewal;

  @BeforeEach
  void start() throws IOException {
    hypervisor = new FakeHypervisor(() -> now);
    trust(authority.certificate());
    renewal =
        new Renewal(
            new Host("n1", HERE, directory.resolve("ca.crt"), LIFETIME),
            new InstalledFiles(pki()),
            requests,
            hypervisor,
            () -> quiet,
            () -> now);
  }

  private Path pki() {
    return directory.resolve("pki");
  }

  private void trust(String pem) throws IOException {
    Files.writeString(directory.resolve("ca.crt"), pem);
  }

  private void issue() {
    issueBy(authority, now, now.plus(LIFETIME));
  }

  private void issueBy(TestAuthority signer, Instant from, Instant until) {
    requests.next =
        new SigningRequests.Answer.Issued(signer.sign(requests.submitted.getLast(), from, until));
  }

  private String served() throws IOException {
    return Files.readString(pki().resolve("libvirt/servercert.pem"));
  }

  private CertificateState state() {
    return new HostCertificates(pki(), HERE, () -> now).state();
  }

  private void getFirst() {
    renewal.step();
    issue();
    assertThat(renewal.step()).isEmpty();
  }

  private long rereads() {
    return hypervisor.calls().stream().filter(c -> c.startsWith("rereadCertificates")).count();
  }

  @Test
  void asksInstallsAndTellsLibvirt() throws IOException {
    assertThat(renewal.step()).map(Trouble::reason).contains(Reason.CertificateRequested);
    assertThat(requests.submitted).hasSize(1);
    assertThat(renewal.pause()).isEqualTo(Renewal.ASK_AGAIN);
    assertThat(renewal.step()).as("still waiting").isPresent();
    assertThat(requests.submitted).hasSize(1);

    issue();
    assertThat(renewal.step()).isEmpty();

    assertThat(state().isValid()).isTrue();
    assertThat(state().notAfter()).contains(now.plus(LIFETIME));
    assertThat(rereads()).isEqualTo(1);
    assertThat(renewal.pause()).isEqualTo(Renewal.LOOK_AGAIN);
    assertThat(renewal.step()).isEmpty();
    assertThat(rereads()).as("once is enough").isEqualTo(1);
  }

  /** GnuTLS, and so libvirtd and QEMU, can't read one that has not. */
  @Test
  void aKeyHasItsPublicKeyInIt() throws IOException {
    var made = KeyAndRequest.make("n1", HERE);
    try (var parser =
        new org.bouncycastle.openssl.PEMParser(new java.io.StringReader(made.keyPem()))) {
      var info = (org.bouncycastle.asn1.pkcs.PrivateKeyInfo) parser.readObject();
      var key = org.bouncycastle.asn1.sec.ECPrivateKey.getInstance(info.parsePrivateKey());
      assertThat(key.getPublicKey()).isNotNull();
    }
  }

  @Test
  void renewsAfterTwoThirdsWithANewKey() throws IOException {
    getFirst();
    var key = Files.readString(pki().resolve("qemu/server-key.pem"));
    now = now.plus(Duration.ofDays(18));
    renewal.step();
    assertThat(requests.submitted).hasSize(1);

    now = now.plus(Duration.ofDays(2));
    renewal.step();
    assertThat(requests.submitted).hasSize(2);
    issue();
    renewal.step();

    assertThat(state().notAfter()).contains(now.plus(LIFETIME));
    assertThat(Files.readString(pki().resolve("qemu/server-key.pem"))).isNotEqualTo(key);
    assertThat(rereads()).isEqualTo(2);
  }

  @Test
  void waitsForTransfersToEnd() throws IOException {
    getFirst();
    var before = served();
    now = now.plus(Duration.ofDays(21));
    quiet = false;
    renewal.step();
    issue();
    renewal.step();
    renewal.step();
    assertThat(served()).isEqualTo(before);
    assertThat(requests.submitted).as("one is waiting").hasSize(2);

    quiet = true;
    renewal.step();
    assertThat(served()).isNotEqualTo(before);
    assertThat(rereads()).isEqualTo(2);
  }

  @Test
  void doesNotWaitUntilNothingIsLeft() throws IOException {
    getFirst();
    var before = served();
    now = now.plus(Duration.ofDays(28));
    quiet = false;
    renewal.step();
    issue();
    renewal.step();
    assertThat(served()).isNotEqualTo(before);
    assertThat(rereads()).as("libvirt is told when it is quiet").isEqualTo(1);
  }

  @Test
  void whatWouldNotWorkIsNotInstalled() throws IOException {
    getFirst();
    var before = served();
    now = now.plus(Duration.ofDays(21));
    renewal.step();
    issueBy(new TestAuthority("hosts"), now, now.plus(LIFETIME));
    assertThat(renewal.step()).map(Trouble::reason).contains(Reason.CertificateUntrusted);
    issueBy(authority, now.minus(LIFETIME), now.minusSeconds(1));
    assertThat(renewal.step()).map(Trouble::reason).contains(Reason.CertificateExpired);
    requests.next =
        new SigningRequests.Answer.Issued(
            authority.sign(KeyAndRequest.make("n1", HERE).requestPem(), now, now.plus(LIFETIME)));
    assertThat(renewal.step()).map(Trouble::reason).contains(Reason.CertificateUntrusted);
    assertThat(served()).isEqualTo(before);

    issue();
    assertThat(renewal.step()).isEmpty();
    assertThat(served()).isNotEqualTo(before);
  }

  @Test
  void aDenialIsToldAndTriedAgainLater() {
    renewal.step();
    requests.next = new SigningRequests.Answer.Refused("the node n1 is not n2");
    assertThat(renewal.step())
        .contains(new Trouble(Reason.CertificateDenied, "the node n1 is not n2"));
    assertThat(requests.submitted).hasSize(1);

    now = now.plus(Renewal.PATIENCE).plusSeconds(1);
    assertThat(renewal.step()).map(Trouble::reason).contains(Reason.CertificateDenied);
    assertThat(requests.submitted).hasSize(2);
    issue();
    assertThat(renewal.step()).isEmpty();
  }

  @Test
  void aRequestThatIsGoneIsMadeAgain() {
    renewal.step();
    requests.next = new SigningRequests.Answer.Gone();
    renewal.step();
    assertThat(requests.submitted).hasSize(2);
  }

  @Test
  void anAdminsFileIsToldAndLeftAlone() throws IOException {
    Files.createDirectories(pki().resolve("qemu"));
    var own = pki().resolve("qemu/server-cert.pem");
    Files.writeString(own, "an admin's");

    var trouble = renewal.step().orElseThrow();

    assertThat(trouble.reason()).isEqualTo(Reason.CertificateForeign);
    assertThat(trouble.message()).contains(own.toString());
    assertThat(requests.submitted).isEmpty();
  }

  @Test
  void newAuthoritiesAreTrustedBesideTheOldAtOnce() throws IOException {
    getFirst();
    var before = served();
    var next = new TestAuthority("next");
    var both = authority.certificate() + next.certificate();
    trust(both);

    renewal.step();

    assertThat(served()).isEqualTo(before);
    assertThat(Files.readString(pki().resolve("CA/cacert.pem"))).isEqualTo(both);
    assertThat(requests.submitted).hasSize(1);
    assertThat(rereads()).isEqualTo(2);
  }

  @Test
  void aCertificateOfACaThatIsNotTrustedAnyMoreIsReplaced() throws IOException {
    getFirst();
    var next = new TestAuthority("next");
    trust(next.certificate());
    renewal.step();
    assertThat(requests.submitted).hasSize(2);
    issueBy(next, now, now.plus(LIFETIME));
    assertThat(renewal.step()).isEmpty();
    assertThat(state().isValid()).isTrue();
  }

  @Test
  void aLibvirtThatCantBeToldIsNamedAndTriedAgain() throws Exception {
    hypervisor.fail(
        "rereadCertificates",
        new dev.drover.node.hypervisor.HypervisorException(
            dev.drover.node.hypervisor.HypervisorException.Kind.Unsupported, -1, "no socket"));
    renewal.step();
    issue();
    var trouble = renewal.step();
    assertThat(trouble)
        .map(Trouble::message)
        .hasValueSatisfying(m -> assertThat(m).contains("no socket", "restarted"));
    var told = CertificateCare.together(state(), trouble);
    assertThat(told.isValid()).as("they are good for QEMU and as a client").isTrue();
    assertThat(told.message()).contains("no socket");

    assertThat(renewal.step()).isEmpty();
  }

  @Test
  void withoutAuthoritiesThereIsNothingToAskFor() throws IOException {
    Files.delete(directory.resolve("ca.crt"));
    assertThat(renewal.step()).map(Trouble::reason).contains(Reason.CertificateMissing);
    assertThat(requests.submitted).isEmpty();
    assertThat(CertificateCare.together(state(), renewal.step()).message()).contains("ca.crt");
  }

  @Test
  void hostsDoNotAllAskAtOnce() {
    var lifetime = new Lifetime(now, now.plus(LIFETIME));
    var times =
        java.util.stream.IntStream.range(1, 50).mapToObj(i -> lifetime.renewAt("n" + i)).toList();
    assertThat(times).allMatch(t -> !t.isAfter(now.plus(Duration.ofDays(20))));
    assertThat(times).allMatch(t -> t.isAfter(now.plus(Duration.ofDays(18))));
    assertThat(times.stream().distinct().count()).isGreaterThan(20);
    assertThat(Optional.of(lifetime)).isPresent();
  }
}
