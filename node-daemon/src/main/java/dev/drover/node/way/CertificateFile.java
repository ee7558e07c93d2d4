package dev.drover.node.way;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * A PEM file of certificates as libvirt and QEMU read it: its own first, then any between it and
 * the CA; or several CAs.
 */
public record CertificateFile(Path path, List<X509Certificate> certificates) {
  private static final int IP_ADDRESS = 7;
  private static final int LONGEST_CHAIN = 8;

  /** Throws {@link IOException} with a message for people if there is nothing to be read. */
  public static CertificateFile read(Path path) throws IOException {
    if (!Files.isReadable(path)) {
      throw new IOException(path + (Files.exists(path) ? " can't be read" : " is not there"));
    }
    return parse(path, Files.readString(path));
  }

  /**
   * The same of what such a file holds, or is to hold.
   *
   * @param path for messages
   */
  public static CertificateFile parse(Path path, String pem) throws IOException {
    try (var in = new ByteArrayInputStream(pem.getBytes(StandardCharsets.UTF_8))) {
      Collection<? extends Certificate> found =
          CertificateFactory.getInstance("X.509").generateCertificates(in);
      List<X509Certificate> certificates = found.stream().map(X509Certificate.class::cast).toList();
      if (certificates.isEmpty()) {
        throw new IOException(path + " has no certificate in it");
      }
      return new CertificateFile(path, certificates);
    } catch (CertificateException e) {
      throw new IOException(path + " can't be understood: " + e.getMessage(), e);
    }
  }

  public X509Certificate own() {
    return certificates.getFirst();
  }

  /** The CA of those that has signed it, at once or through others in this file. */
  public Optional<X509Certificate> signer(CertificateFile authorities) {
    X509Certificate at = own();
    for (int i = 0; i < LONGEST_CHAIN; i++) {
      Optional<X509Certificate> root = signerOf(at, authorities.certificates());
      if (root.isPresent()) {
        return root;
      }
      Optional<X509Certificate> between = signerOf(at, certificates);
      if (between.isEmpty() || between.get().equals(at)) {
        return Optional.empty();
      }
      at = between.get();
    }
    return Optional.empty();
  }

  private static Optional<X509Certificate> signerOf(
      X509Certificate certificate, List<X509Certificate> among) {
    return among.stream().filter(one -> hasSigned(one, certificate)).findFirst();
  }

  private static boolean hasSigned(X509Certificate authority, X509Certificate certificate) {
    if (!authority.getSubjectX500Principal().equals(certificate.getIssuerX500Principal())) {
      return false;
    }
    try {
      certificate.verify(authority.getPublicKey());
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /**
   * Whether it is for that address; as GnuTLS compares, a DNS name with the number in it is not.
   */
  public boolean names(InetAddress address) {
    return addresses().contains(address);
  }

  /** The addresses that it is for. */
  public List<InetAddress> addresses() {
    try {
      var names = own().getSubjectAlternativeNames();
      return names == null
          ? List.of()
          : names.stream()
              .filter(name -> name.getFirst().equals(IP_ADDRESS))
              .map(name -> InetAddress.ofLiteral((String) name.get(1)))
              .toList();
    } catch (CertificateParsingException e) {
      return List.of();
    }
  }

  /** SHA-256 in hexadecimal. */
  static String fingerprint(X509Certificate certificate) {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
