package dev.drover.node.certificate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.sec.ECPrivateKey;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * A new key (EC, P-256) and the request for its certificate (PKCS#10). The key goes nowhere but
 * into this host's own files.
 */
record KeyAndRequest(PublicKey publicKey, String keyPem, String requestPem) {
  private static final int BITS = 256;

  /** For that node, and for the address at which other hosts reach it. */
  static KeyAndRequest make(String node, InetAddress address) {
    try {
      var generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      KeyPair pair = generator.generateKeyPair();
      return new KeyAndRequest(
          pair.getPublic(),
          pem("PRIVATE KEY", encoded(pair)),
          pem("CERTIFICATE REQUEST", request(pair, node, address)));
    } catch (GeneralSecurityException | OperatorCreationException e) {
      throw new IllegalStateException("every Java has P-256 and ECDSA", e);
    } catch (IOException e) {
      throw new UncheckedIOException("names are written to memory only", e);
    }
  }

  /** PKCS#8. With the public key in it, which Java leaves out: GnuTLS reads none without. */
  private static byte[] encoded(KeyPair pair) throws IOException {
    var subject = SubjectPublicKeyInfo.getInstance(pair.getPublic().getEncoded());
    return new PrivateKeyInfo(
            subject.getAlgorithm(),
            new ECPrivateKey(
                BITS,
                ((java.security.interfaces.ECPrivateKey) pair.getPrivate()).getS(),
                subject.getPublicKeyData(),
                null))
        .getEncoded();
  }

  private static byte[] request(KeyPair pair, String node, InetAddress address)
      throws IOException, OperatorCreationException {
    var extensions = new ExtensionsGenerator();
    extensions.addExtension(
        Extension.subjectAlternativeName,
        false,
        new GeneralNames(
            new GeneralName[] {
              new GeneralName(GeneralName.dNSName, node),
              new GeneralName(GeneralName.iPAddress, new DEROctetString(address.getAddress()))
            }));
    return new JcaPKCS10CertificationRequestBuilder(
            new X500NameBuilder().addRDN(BCStyle.CN, node).build(), pair.getPublic())
        .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate())
        .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate()))
        .getEncoded();
  }

  private static String pem(String what, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(what, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der), what);
  }
}
