package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HostTopology;
import dev.drover.node.hypervisor.IdSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.w3c.dom.Element;

/**
 * The host's part of its capabilities.
 *
 * @param pageSizes of memory, in KiB
 * @param emulatorUser number of the user that QEMU runs as, by libvirt's security model "dac";
 *     empty if libvirt does not say
 * @param emulatorGroup the same of its group
 */
record HostXml(
    UUID uuid,
    String architecture,
    String cpuModel,
    HostTopology topology,
    Set<Long> pageSizes,
    OptionalLong emulatorUser,
    OptionalLong emulatorGroup) {
  /** {@code +64055:+64055}. */
  private static final Pattern DAC_LABEL = Pattern.compile("\\+?(\\d{1,10}):\\+?(\\d{1,10})");

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
        Xml.text(host, "cpu", "model").orElse(""),
        topology(host),
        pageSizes(host),
        emulator(host, 1),
        emulator(host, 2));
  }

  private static Set<Long> pageSizes(Element host) {
    return Xml.child(host, "cpu").stream()
        .flatMap(cpu -> Xml.children(cpu, "pages").stream())
        .flatMap(
            pages ->
                Stream.ofNullable(Xml.attribute(pages, "size"))
                    .map(size -> Xml.bytes(size, Xml.attribute(pages, "unit"), "KiB") >> 10))
        .collect(Collectors.toSet());
  }

  /** The base label is the same for each type of domain. */
  private static OptionalLong emulator(Element host, int part) {
    return Xml.children(host, "secmodel").stream()
        .filter(model -> Xml.text(model, "model").filter("dac"::equals).isPresent())
        .flatMap(model -> Xml.children(model, "baselabel").stream())
        .map(label -> DAC_LABEL.matcher(label.getTextContent().strip()))
        .filter(Matcher::matches)
        .mapToLong(label -> Long.parseLong(label.group(part)))
        .findFirst();
  }

  private static HostTopology topology(Element host) {
    List<Element> cells =
        Xml.child(host, "topology", "cells")
            .map(element -> Xml.children(element, "cell"))
            .orElse(List.of());
    List<Element> cpus =
        cells.stream()
            .flatMap(cell -> Xml.child(cell, "cpus").stream())
            .flatMap(element -> Xml.children(element, "cpu").stream())
            .toList();
    return new HostTopology(
        ids(cpus),
        ids(cells),
        cells.stream()
            .collect(
                Collectors.toMap(
                    cell -> Integer.valueOf(cell.getAttribute("id")),
                    cell ->
                        ids(
                            Xml.child(cell, "cpus").stream()
                                .flatMap(element -> Xml.children(element, "cpu").stream())
                                .toList()))));
  }

  private static IdSet ids(List<Element> elements) {
    return IdSet.parse(
        elements.stream()
            .map(element -> element.getAttribute("id"))
            .collect(Collectors.joining(",")));
  }
}
