package dev.drover.operator.certificate;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * Drover's own CA: {@code tls.crt} and {@code tls.key} of a directory. Read anew for each
 * signature, as a mounted Secret may change.
 */
final class Authority {
  /** Clocks of hosts differ a little, and those of the past are told apart from the future. */
  private static final Duration EARLIER = Duration.ofMinutes(5);

  /** Less than that with short lives, of which it would be too large a part. */
  private static final int EARLIER_PART = 10;

  private static final int SERIAL_BITS = 127;

  private final Path directory;
  private final SecureRandom random = new SecureRandom();

  Authority(Path directory) {
    this.directory = directory;
  }

  /**
   * A certificate for the subject, key and names of that request, for both ends of a connection.
   *
   * @return PEM
   * @throws IOException if the CA is not there, can't be read, or ends too soon
   */
  String sign(PKCS10CertificationRequest request, Duration lifetime, Instant now)
      throws IOException {
    try {
      var own = certificate();
      Instant end = own.getNotAfter().toInstant();
      if (!end.isAfter(now)) {
        throw new IOException("the CA in %s was valid until %s".formatted(directory, end));
      }
      Instant until = now.plus(lifetime).isBefore(end) ? now.plus(lifetime) : end;
      return pem(
          builder(request, own, now.minus(earlier(lifetime)), until)
              .build(new JcaContentSignerBuilder(algorithm(own.getPublicKey())).build(key())));
    } catch (GeneralSecurityException | OperatorCreationException e) {
      throw new IOException("the CA in %s can't sign: %s".formatted(directory, e.getMessage()), e);
    }
  }

  private X509v3CertificateBuilder builder(
      PKCS10CertificationRequest request, X509Certificate own, Instant from, Instant until)
      throws IOException, GeneralSecurityException {
    var utilities = new JcaX509ExtensionUtils();
    return new X509v3CertificateBuilder(
            new X509CertificateHolder(own.getEncoded()).getSubject(),
            new BigInteger(SERIAL_BITS, random).add(BigInteger.ONE),
            Date.from(from),
            Date.from(until),
            request.getSubject(),
            request.getSubjectPublicKeyInfo())
        .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
        .addExtension(
            Extension.keyUsage,
            true,
            new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyEncipherment))
        .addExtension(
            Extension.extendedKeyUsage,
            false,
            new ExtendedKeyUsage(
                new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}))
        .addExtension(
            request.getRequestedExtensions().getExtension(Extension.subjectAlternativeName))
        .addExtension(
            Extension.authorityKeyIdentifier, false, utilities.createAuthorityKeyIdentifier(own))
        .addExtension(
            Extension.subjectKeyIdentifier,
            false,
            utilities.createSubjectKeyIdentifier(request.getSubjectPublicKeyInfo()));
  }

  private static Duration earlier(Duration lifetime) {
    Duration part = lifetime.dividedBy(EARLIER_PART);
    return part.compareTo(EARLIER) < 0 ? part : EARLIER;
  }

  private static String algorithm(PublicKey key) {
    return key.getAlgorithm().equals("EC") ? "SHA256withECDSA" : "SHA256withRSA";
  }

  private X509Certificate certificate() throws IOException, GeneralSecurityException {
    return switch (read("tls.crt")) {
      case X509CertificateHolder holder -> new JcaX509CertificateConverter().getCertificate(holder);
      default -> throw new IOException(directory.resolve("tls.crt") + " is no certificate");
    };
  }

  private PrivateKey key() throws IOException {
    var converter = new JcaPEMKeyConverter();
    return switch (read("tls.key")) {
      case PEMKeyPair pair -> converter.getKeyPair(pair).getPrivate();
      case PrivateKeyInfo info -> converter.getPrivateKey(info);
      default -> throw new IOException(directory.resolve("tls.key") + " is no private key");
    };
  }

  private Object read(String name) throws IOException {
    Path path = directory.resolve(name);
    try (var parser = new PEMParser(Files.newBufferedReader(path))) {
      Object read = parser.readObject();
      if (read == null) {
        throw new IOException(path + " has nothing in it");
      }
      return read;
    }
  }

  private static String pem(X509CertificateHolder certificate) throws IOException {
    var text = new StringWriter();
    try (var writer = new JcaPEMWriter(text)) {
      writer.writeObject(certificate);
    }
    return text.toString();
  }
}
