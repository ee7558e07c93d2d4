package dev.drover.node.hypervisor.libvirt;

import java.util.Optional;
import org.w3c.dom.Element;

/**
 * What a domain's definition says of what libvirt's offline migration does not look at.
 *
 * @param nvram path of the firmware's variables
 * @param tpm whether it has an emulated TPM
 * @param cpu that the target has to be able to give it when it is started there
 */
record OfflineXml(Optional<String> nvram, boolean tpm, Optional<String> cpu) {

  /** Throws {@link IllegalArgumentException} if the text is not XML. */
  static OfflineXml read(String text) {
    Element domain = Xml.parse(text);
    return new OfflineXml(
        Xml.child(domain, "os", "nvram").flatMap(OfflineXml::path),
        Xml.child(domain, "devices").stream()
            .flatMap(devices -> Xml.children(devices, "tpm").stream())
            .flatMap(tpm -> Xml.children(tpm, "backend").stream())
            .anyMatch(backend -> "emulator".equals(Xml.attribute(backend, "type"))),
        CpuXml.ofDomain(domain));
  }

  /** {@code <nvram>/path</nvram>}, or with a source of its own. */
  private static Optional<String> path(Element nvram) {
    Optional<String> source =
        Xml.child(nvram, "source").map(s -> Xml.attribute(s, "file")).filter(f -> f != null);
    return source.or(
        () -> Optional.of(nvram.getTextContent().strip()).filter(path -> !path.isEmpty()));
  }
}
