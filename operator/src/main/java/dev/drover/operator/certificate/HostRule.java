package dev.drover.operator.certificate;

import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequestSpec;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCSException;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequest;

/**
 * The one certificate that a host may have. Who asks, and on which node he is, the API server
 * itself has written into the request, from a pod-bound token.
 */
final class HostRule {
  static final String NODE_NAME = "authentication.kubernetes.io/node-name";
  private static final Set<String> USAGES =
      Set.of("digital signature", "key encipherment", "server auth", "client auth");
  private static final int LEAST_EC_BITS = 256;

  private final String daemon;
  private final Function<String, Set<InetAddress>> addresses;
  private final Function<InetAddress, Set<String>> hostsAt;

  /**
   * @param namespace of the daemons' service account
   * @param addresses of a node, by its name
   * @param hostsAt which hosts say that they migrate by an address
   */
  HostRule(
      String namespace,
      Function<String, Set<InetAddress>> addresses,
      Function<InetAddress, Set<String>> hostsAt) {
    this.daemon = "system:serviceaccount:" + namespace + ":drover-node-daemon";
    this.addresses = addresses;
    this.hostsAt = hostsAt;
  }

  /** What the rule says. */
  sealed interface Verdict {

    /** It may be had. */
    record Allowed(String node, PKCS10CertificationRequest request) implements Verdict {}

    /** It may not; in words. */
    record Refused(String message) implements Verdict {}
  }

  /** Whether a daemon asks, and not somebody else. */
  boolean concerns(CertificateSigningRequestSpec spec) {
    return daemon.equals(spec.getUsername());
  }

  Verdict judge(CertificateSigningRequestSpec spec) {
    if (!concerns(spec)) {
      return new Verdict.Refused("only %s asks for hosts".formatted(daemon));
    }
    Map<String, List<String>> extra = spec.getExtra() == null ? Map.of() : spec.getExtra();
    List<String> nodes = extra.getOrDefault(NODE_NAME, List.of());
    if (nodes.size() != 1) {
      return new Verdict.Refused("the daemon's token must be bound to a pod on a node");
    }
    String node = nodes.getFirst();
    try {
      var request = parse(spec.getRequest());
      return flaw(spec, node, request)
          .<Verdict>map(Verdict.Refused::new)
          .orElseGet(() -> new Verdict.Allowed(node, request));
    } catch (IOException
        | PKCSException
        | GeneralSecurityException
        | OperatorCreationException
        | IllegalArgumentException e) {
      return new Verdict.Refused("the request can't be understood: " + e.getMessage());
    }
  }

  private static PKCS10CertificationRequest parse(String base64) throws IOException {
    byte[] pem = Base64.getMimeDecoder().decode(base64);
    try (var parser =
        new PEMParser(
            new InputStreamReader(new ByteArrayInputStream(pem), StandardCharsets.US_ASCII))) {
      if (parser.readObject() instanceof PKCS10CertificationRequest request) {
        return request;
      }
      throw new IOException("it is no PKCS#10 request");
    }
  }

  private Optional<String> flaw(
      CertificateSigningRequestSpec spec, String node, PKCS10CertificationRequest request)
      throws IOException, PKCSException, GeneralSecurityException, OperatorCreationException {
    PublicKey key = new JcaPKCS10CertificationRequest(request).getPublicKey();
    if (!(key instanceof ECPublicKey ec)
        || ec.getParams().getCurve().getField().getFieldSize() < LEAST_EC_BITS) {
      return Optional.of("the key must be one of an elliptic curve of 256 bits or more");
    }
    if (!request.isSignatureValid(new JcaContentVerifierProviderBuilder().build(key))) {
      return Optional.of("the request is not signed by its own key");
    }
    if (!request.getSubject().equals(new X500NameBuilder().addRDN(BCStyle.CN, node).build())) {
      return Optional.of("the subject must be CN=%s, not %s".formatted(node, request.getSubject()));
    }
    if (spec.getUsages() == null
        || spec.getUsages().size() != USAGES.size()
        || !USAGES.equals(Set.copyOf(spec.getUsages()))) {
      return Optional.of("the usages must be " + USAGES.stream().sorted().toList());
    }
    return flawOfNames(node, request);
  }

  private Optional<String> flawOfNames(String node, PKCS10CertificationRequest request) {
    Extensions extensions = request.getRequestedExtensions();
    List<ASN1ObjectIdentifier> asked =
        extensions == null ? List.of() : List.of(extensions.getExtensionOIDs());
    if (!asked.equals(List.of(Extension.subjectAlternativeName))) {
      return Optional.of("it must ask for names (subjectAltName), and for no other extension");
    }
    Set<InetAddress> own = addresses.apply(node);
    List<String> foreign = new ArrayList<>();
    List<InetAddress> named = new ArrayList<>();
    for (GeneralName name :
        GeneralNames.fromExtensions(extensions, Extension.subjectAlternativeName).getNames()) {
      switch (name.getTagNo()) {
        case GeneralName.dNSName -> {
          if (!name.getName().toString().equals(node)) {
            foreign.add(name.getName().toString());
          }
        }
        case GeneralName.iPAddress -> {
          var address = address(ASN1OctetString.getInstance(name.getName()).getOctets());
          address.ifPresent(named::add);
          if (address.filter(own::contains).isEmpty()) {
            foreign.add(address.map(InetAddress::getHostAddress).orElse("a network"));
          }
        }
        default -> foreign.add(name.toString());
      }
    }
    if (!foreign.isEmpty()) {
      return Optional.of(
          "the node %s is not %s; its addresses are %s"
              .formatted(
                  node,
                  String.join(", ", foreign),
                  own.stream().map(InetAddress::getHostAddress).sorted().toList()));
    }
    return named.isEmpty()
        ? Optional.of("it names no address of the node")
        : named.stream().flatMap(address -> claimed(node, address)).findFirst();
  }

  /** A kubelet writes its own Node's addresses: one that was taken over can write another's. */
  private Stream<String> claimed(String node, InetAddress address) {
    return hostsAt.apply(address).stream()
        .filter(host -> !host.equals(node))
        .sorted()
        .map(
            host ->
                "%s is the address of host %s, too; if that has gone, delete its HypervisorNode"
                    .formatted(address.getHostAddress(), host));
  }

  private static Optional<InetAddress> address(byte[] octets) {
    try {
      return Optional.of(InetAddress.getByAddress(octets));
    } catch (UnknownHostException e) {
      return Optional.empty();
    }
  }
}
