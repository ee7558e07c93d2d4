package dev.drover.node.certificate;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/** A CA that signs whatever it gets. */
final class TestAuthority {
  private final X500Name name;
  private final KeyPair keys;

  TestAuthority(String name) {
    this.name = new X500Name("CN=" + name);
    try {
      this.keys = KeyPairGenerator.getInstance("EC").generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  String certificate() {
    try {
      return pem(
          builder(
                  name,
                  SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()),
                  Instant.EPOCH,
                  Instant.parse("2100-01-01T00:00:00Z"))
              .addExtension(Extension.basicConstraints, true, new BasicConstraints(true)));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  String sign(String requestPem, Instant from, Instant until) {
    try (var parser = new PEMParser(new StringReader(requestPem))) {
      var request = (PKCS10CertificationRequest) parser.readObject();
      return pem(
          builder(request.getSubject(), request.getSubjectPublicKeyInfo(), from, until)
              .addExtension(
                  request.getRequestedExtensions().getExtension(Extension.subjectAlternativeName)));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private X509v3CertificateBuilder builder(
      X500Name subject, SubjectPublicKeyInfo key, Instant from, Instant until) {
    return new X509v3CertificateBuilder(
        name,
        BigInteger.valueOf(System.nanoTime()),
        Date.from(from),
        Date.from(until),
        subject,
        key);
  }

  private String pem(X509v3CertificateBuilder builder) throws IOException {
    try {
      X509CertificateHolder holder =
          builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate()));
      var text = new StringWriter();
      try (var writer = new JcaPEMWriter(text)) {
        writer.writeObject(holder);
      }
      return text.toString();
    } catch (OperatorCreationException e) {
      throw new IllegalStateException(e);
    }
  }
}
