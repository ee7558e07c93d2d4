package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.IdSet;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;

/**
 * What a definition says of the host around the guest.
 *
 * @param cpus of {@code <vcpu cpuset>} and all of {@code <cputune>}'s pins
 * @param numaNodes of {@code <numatune>}
 * @param bridges bridges, and devices of the host
 */
record SurroundingsXml(IdSet cpus, IdSet numaNodes, List<String> bridges) {
  SurroundingsXml {
    bridges = List.copyOf(bridges);
  }

  static SurroundingsXml read(Element domain) {
    IdSet cpus = IdSet.EMPTY;
    Stream<Element> vcpu = Xml.child(domain, "vcpu").stream();
    Stream<Element> pins =
        Xml.child(domain, "cputune").stream()
            .flatMap(
                tune ->
                    Stream.of("vcpupin", "emulatorpin", "iothreadpin")
                        .flatMap(pin -> Xml.children(tune, pin).stream()));
    for (Element pinned : Stream.concat(vcpu, pins).toList()) {
      cpus = cpus.and(ids(Xml.attribute(pinned, "cpuset")));
    }
    IdSet nodes = IdSet.EMPTY;
    List<Element> bound =
        Xml.child(domain, "numatune").stream()
            .flatMap(
                tune -> Stream.of("memory", "memnode").flatMap(m -> Xml.children(tune, m).stream()))
            .toList();
    for (Element memory : bound) {
      nodes = nodes.and(ids(Xml.attribute(memory, "nodeset")));
    }
    return new SurroundingsXml(cpus, nodes, bridges(domain));
  }

  private static IdSet ids(@Nullable String text) {
    return text == null ? IdSet.EMPTY : IdSet.parse(text);
  }

  private static List<String> bridges(Element domain) {
    return nics(domain).stream()
        .flatMap(nic -> Xml.child(nic, "source").stream().flatMap(source -> bridge(nic, source)))
        .distinct()
        .toList();
  }

  private static Stream<String> bridge(Element nic, Element source) {
    String attribute = interfaceAttribute(nic.getAttribute("type"));
    return Stream.ofNullable(attribute == null ? null : Xml.attribute(source, attribute));
  }

  static List<Element> nics(Element domain) {
    return Xml.child(domain, "devices")
        .map(devices -> Xml.children(devices, "interface"))
        .orElse(List.of());
  }

  /** The attribute of {@code <source>} that names an interface of the host; null if none does. */
  static @Nullable String interfaceAttribute(String type) {
    return switch (type) {
      case "bridge" -> "bridge";
      case "direct" -> "dev";
      default -> null;
    };
  }
}
