package dev.drover.operator.certificate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.operator.certificate.HostRule.Verdict;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestSpec;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestSpecBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostRuleTest {
  private static final String DAEMON = "system:serviceaccount:drover-system:drover-node-daemon";
  private static final List<String> USAGES =
      List.of("digital signature", "key encipherment", "server auth", "client auth");
  private static final GeneralName DNS = new GeneralName(GeneralName.dNSName, "n1");
  private static final GeneralName IP = new GeneralName(GeneralName.iPAddress, "192.0.2.1");

  private final HostRule rule =
      new HostRule(
          "drover-system",
          node ->
              node.equals("n1")
                  ? Set.of(
                      InetAddress.ofLiteral("192.0.2.1"),
                      InetAddress.ofLiteral("2001:db8::1"),
                      InetAddress.ofLiteral("192.0.2.9"))
                  : Set.of(),
          address ->
              address.getHostAddress().equals("192.0.2.9") ? Set.of("n1", "n9") : Set.of("n1"));

  private static KeyPair ec(String curve) throws Exception {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec(curve));
    return generator.generateKeyPair();
  }

  private static String request(String subject, KeyPair keys, KeyPair signer, GeneralName... names)
      throws Exception {
    return request(subject, keys, signer, false, names);
  }

  private static String request(
      String subject, KeyPair keys, KeyPair signer, boolean asCa, GeneralName... names)
      throws Exception {
    var builder = new JcaPKCS10CertificationRequestBuilder(new X500Name(subject), keys.getPublic());
    var extensions = new ExtensionsGenerator();
    if (names.length > 0) {
      extensions.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names));
    }
    if (asCa) {
      extensions.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    }
    if (!extensions.isEmpty()) {
      builder.addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate());
    }
    var algorithm =
        signer.getPrivate().getAlgorithm().equals("EC") ? "SHA256withECDSA" : "SHA256withRSA";
    var der =
        builder
            .build(new JcaContentSignerBuilder(algorithm).build(signer.getPrivate()))
            .getEncoded();
    var pem =
        "-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n"
            .formatted(Base64.getMimeEncoder().encodeToString(der));
    return Base64.getEncoder()
        .encodeToString(pem.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
  }

  private static CertificateSigningRequestSpec spec(String request) {
    return new CertificateSigningRequestSpecBuilder()
        .withUsername(DAEMON)
        .withExtra(Map.of(HostRule.NODE_NAME, List.of("n1")))
        .withUsages(USAGES)
        .withRequest(request)
        .build();
  }

  private static String own() throws Exception {
    var keys = ec("secp256r1");
    return request("CN=n1", keys, keys, DNS, IP);
  }

  private void refused(CertificateSigningRequestSpec spec, String message) {
    assertThat(rule.judge(spec))
        .isInstanceOfSatisfying(
            Verdict.Refused.class, refused -> assertThat(refused.message()).contains(message));
  }

  @Test
  void anAddressThatAnotherHostHasIsNobodys() throws Exception {
    var keys = ec("secp256r1");
    var theirs = new GeneralName(GeneralName.iPAddress, "192.0.2.9");
    refused(spec(request("CN=n1", keys, keys, DNS, theirs)), "192.0.2.9 is the address of host n9");
  }

  @Test
  void aHostMayHaveItsOwn() throws Exception {
    assertThat(rule.judge(spec(own())))
        .isInstanceOfSatisfying(
            Verdict.Allowed.class, allowed -> assertThat(allowed.node()).isEqualTo("n1"));
    var keys = ec("secp384r1");
    assertThat(
            rule.judge(
                spec(
                    request(
                        "CN=n1",
                        keys,
                        keys,
                        new GeneralName(GeneralName.iPAddress, "2001:db8::1")))))
        .isInstanceOf(Verdict.Allowed.class);
  }

  @Test
  void whoAsksIsWhatTheApiServerSays() throws Exception {
    var other = spec(own());
    other.setUsername("system:serviceaccount:default:drover-node-daemon");
    refused(other, "only " + DAEMON);
    assertThat(rule.concerns(other)).isFalse();
    var unbound = spec(own());
    unbound.setExtra(Map.of());
    refused(unbound, "bound to a pod on a node");
    var elsewhere = spec(own());
    elsewhere.setExtra(Map.of(HostRule.NODE_NAME, List.of("n2")));
    refused(elsewhere, "the subject must be CN=n2");
  }

  @Test
  void nobodyElsesNames() throws Exception {
    var keys = ec("secp256r1");
    refused(spec(request("CN=n2", keys, keys, DNS, IP)), "the subject must be CN=n1");
    refused(spec(request("CN=n1,O=system:masters", keys, keys, DNS, IP)), "the subject must be");
    for (var foreign :
        List.of(
            new GeneralName(GeneralName.dNSName, "n2"),
            new GeneralName(GeneralName.iPAddress, "192.0.2.2"),
            new GeneralName(GeneralName.rfc822Name, "a@n1"),
            new GeneralName(GeneralName.uniformResourceIdentifier, "spiffe://n1"))) {
      refused(spec(request("CN=n1", keys, keys, DNS, IP, foreign)), "the node n1 is not");
    }
    refused(spec(request("CN=n1", keys, keys, DNS)), "names no address");
    refused(spec(request("CN=n1", keys, keys)), "must ask for names");
  }

  @Test
  void nothingButAHostsCertificate() throws Exception {
    var keys = ec("secp256r1");
    refused(spec(request("CN=n1", keys, keys, true, DNS, IP)), "no other extension");
    for (var usages :
        List.of(
            List.of("digital signature", "server auth"),
            Stream.concat(USAGES.stream(), Stream.of("cert sign")).toList(),
            List.of("digital signature", "key encipherment", "server auth", "server auth"))) {
      var spec = spec(own());
      spec.setUsages(usages);
      refused(spec, "the usages must be");
    }
  }

  @Test
  void noWeakOrForeignKey() throws Exception {
    var rsa = KeyPairGenerator.getInstance("RSA").generateKeyPair();
    refused(spec(request("CN=n1", rsa, rsa, DNS, IP)), "elliptic curve");
    refused(
        spec(request("CN=n1", ec("secp256r1"), ec("secp256r1"), DNS, IP)),
        "not signed by its own key");
  }

  @Test
  void nonsenseIsRefused() {
    refused(spec("AAAA"), "can't be understood");
    refused(spec("!"), "can't be understood");
    refused(spec(""), "can't be understood");
  }

  @Test
  void whatIsSignedHoldsForBothEnds(@TempDir Path directory) throws Exception {
    var now = Instant.parse("2026-11-29T12:00:00Z");
    var authority = authority(directory, now.plus(Duration.ofDays(100)));
    var allowed = (Verdict.Allowed) rule.judge(spec(own()));

    var certificate = read(authority.sign(allowed.request(), Duration.ofDays(30), now));

    certificate.verify(read(Files.readString(directory.resolve("tls.crt"))).getPublicKey());
    assertThat(certificate.getSubjectX500Principal().getName()).isEqualTo("CN=n1");
    assertThat(certificate.getNotAfter().toInstant()).isEqualTo(now.plus(Duration.ofDays(30)));
    assertThat(certificate.getNotBefore().toInstant()).isEqualTo(now.minus(Duration.ofMinutes(5)));
    assertThat(certificate.getBasicConstraints()).as("no CA").isEqualTo(-1);
    assertThat(certificate.getExtendedKeyUsage())
        .containsExactlyInAnyOrder("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
    assertThat(certificate.getKeyUsage()).startsWith(true, false, true, false, false, false);
    assertThat(certificate.getSubjectAlternativeNames()).hasSize(2);
  }

  @Test
  void nothingOutlivesTheCa(@TempDir Path directory) throws Exception {
    var now = Instant.parse("2026-11-29T12:00:00Z");
    var end = now.plus(Duration.ofDays(2));
    var authority = authority(directory, end);
    var allowed = (Verdict.Allowed) rule.judge(spec(own()));

    assertThat(
            read(authority.sign(allowed.request(), Duration.ofDays(30), now))
                .getNotAfter()
                .toInstant())
        .isEqualTo(end);
    assertThatThrownBy(
            () -> authority.sign(allowed.request(), Duration.ofDays(30), end.plusSeconds(1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was valid until");
    Files.writeString(directory.resolve("tls.key"), "nonsense");
    assertThatThrownBy(() -> authority.sign(allowed.request(), Duration.ofDays(30), now))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("tls.key");
  }

  /** As the chart makes it: RSA, its key in PKCS#1. */
  private static Authority authority(Path directory, Instant end) throws Exception {
    var keys = KeyPairGenerator.getInstance("RSA").generateKeyPair();
    var name = new X500Name("CN=drover-hosts");
    var certificate =
        new JcaX509v3CertificateBuilder(
                name,
                java.math.BigInteger.ONE,
                Date.from(Instant.EPOCH),
                Date.from(end),
                name,
                keys.getPublic())
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(true))
            .build(new JcaContentSignerBuilder("SHA256withRSA").build(keys.getPrivate()));
    for (var file : Map.of("tls.crt", certificate, "tls.key", keys.getPrivate()).entrySet()) {
      try (var writer =
          new org.bouncycastle.openssl.jcajce.JcaPEMWriter(
              Files.newBufferedWriter(directory.resolve(file.getKey())))) {
        writer.writeObject(file.getValue());
      }
    }
    return new Authority(directory);
  }

  private static X509Certificate read(String pem) throws Exception {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(
                new java.io.ByteArrayInputStream(
                    pem.getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
  }
}
