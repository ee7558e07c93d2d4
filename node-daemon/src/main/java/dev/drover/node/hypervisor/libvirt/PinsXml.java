package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.IdSet;
import dev.drover.node.hypervisor.Pins;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.w3c.dom.Element;

/** Gives a definition the pins that it has at the target. */
final class PinsXml {
  private static final List<String> CPU_PINS = List.of("vcpupin", "emulatorpin", "iothreadpin");

  private PinsXml() {}

  /**
   * Changes the definition; all other tuning of CPUs (shares, quotas) stays.
   *
   * @return whether there was anything to be changed
   */
  static boolean move(Element domain, Pins pins) {
    return pins.dropped() ? drop(domain) : remap(domain, pins);
  }

  private static boolean drop(Element domain) {
    boolean changed = false;
    for (Element vcpu : Xml.children(domain, "vcpu")) {
      changed |= vcpu.hasAttribute("cpuset");
      vcpu.removeAttribute("cpuset");
    }
    for (Element pin : cpuPins(domain).toList()) {
      pin.getParentNode().removeChild(pin);
      changed = true;
    }
    for (Element tune : Xml.children(domain, "numatune")) {
      domain.removeChild(tune);
      changed = true;
    }
    return changed;
  }

  private static boolean remap(Element domain, Pins pins) {
    boolean changed = false;
    List<Element> cpuSets =
        Stream.concat(Xml.children(domain, "vcpu").stream(), cpuPins(domain)).toList();
    for (Element pin : cpuSets) {
      changed |= replace(pin, "cpuset", pins::cpusFor);
    }
    for (Element tune : Xml.children(domain, "numatune")) {
      for (Element memory :
          Stream.of("memory", "memnode").flatMap(m -> Xml.children(tune, m).stream()).toList()) {
        changed |= replace(memory, "nodeset", pins::numaNodesFor);
      }
    }
    return changed;
  }

  private static Stream<Element> cpuPins(Element domain) {
    return Xml.children(domain, "cputune").stream()
        .flatMap(tune -> CPU_PINS.stream().flatMap(pin -> Xml.children(tune, pin).stream()));
  }

  private static boolean replace(Element element, String attribute, UnaryOperator<IdSet> moved) {
    if (!element.hasAttribute(attribute)) {
      return false;
    }
    IdSet before = IdSet.parse(element.getAttribute(attribute));
    IdSet after = moved.apply(before);
    if (after.isEmpty()) {
      // libvirt would take it for pinned to nothing at all, and so to everything.
      throw new IllegalArgumentException(
          "nothing takes the place of " + attribute + " " + before + " of " + element.getTagName());
    }
    element.setAttribute(attribute, after.toString());
    return !before.equals(after);
  }
}
