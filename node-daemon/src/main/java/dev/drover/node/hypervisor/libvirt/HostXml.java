package dev.drover.node.hypervisor.libvirt;

import java.util.UUID;
import org.w3c.dom.Element;

/** The host's part of its capabilities. */
record HostXml(UUID uuid, String architecture, String cpuModel) {

  /** Throws {@link IllegalArgumentException} if the text is not capabilities. */
  static HostXml read(String text) {
    Element host =
        Xml.child(Xml.parse(text), "host")
            .orElseThrow(() -> new IllegalArgumentException("capabilities without <host>"));
    return new HostXml(
        Xml.text(host, "uuid")
            .map(UUID::fromString)
            .orElseThrow(() -> new IllegalArgumentException("a host without <uuid>")),
        Xml.text(host, "cpu", "arch").orElse(""),
        Xml.text(host, "cpu", "model").orElse(""));
  }
}
