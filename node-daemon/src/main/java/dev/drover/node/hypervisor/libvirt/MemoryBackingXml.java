package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HugePages;
import dev.drover.node.hypervisor.IdSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;

/**
 * Which huge pages a definition asks for: {@code <memoryBacking><hugepages>}. A {@code <page>} with
 * a nodeset is for those NUMA nodes of the guest, one without it for all that is left.
 */
final class MemoryBackingXml {
  private MemoryBackingXml() {}

  static List<HugePages> read(Element domain, long memoryBytes) {
    Optional<Element> asked = Xml.child(domain, "memoryBacking", "hugepages");
    if (asked.isEmpty()) {
      return List.of();
    }
    List<Element> pages = Xml.children(asked.get(), "page");
    if (pages.isEmpty()) {
      return List.of(new HugePages(OptionalLong.empty(), memoryBytes));
    }
    List<HugePages> result = new ArrayList<>();
    long left = memoryBytes;
    for (Element page : pages) {
      String nodes = Xml.attribute(page, "nodeset");
      if (nodes != null) {
        long bytes = Math.min(left, bytesOf(domain, IdSet.parse(nodes), memoryBytes));
        left -= bytes;
        result.add(new HugePages(size(page), bytes));
      }
    }
    for (Element page : pages) {
      if (Xml.attribute(page, "nodeset") == null) {
        result.add(new HugePages(size(page), left));
        left = 0;
      }
    }
    return result.stream().filter(some -> some.bytes() > 0).toList();
  }

  /** A guest without NUMA nodes has all of its memory in node 0. */
  private static long bytesOf(Element domain, IdSet nodes, long memoryBytes) {
    List<Element> cells =
        Xml.child(domain, "cpu", "numa").map(numa -> Xml.children(numa, "cell")).orElse(List.of());
    if (cells.isEmpty()) {
      return IdSet.parse("0").without(nodes).isEmpty() ? memoryBytes : 0;
    }
    long bytes = 0;
    for (int i = 0; i < cells.size(); i++) {
      String id = Xml.attribute(cells.get(i), "id");
      IdSet cell = IdSet.parse(id == null ? Integer.toString(i) : id);
      if (cell.without(nodes).isEmpty()) {
        bytes += amount(Xml.attribute(cells.get(i), "memory"), cells.get(i));
      }
    }
    return bytes;
  }

  private static OptionalLong size(Element page) {
    String size = Xml.attribute(page, "size");
    return size == null ? OptionalLong.empty() : OptionalLong.of(amount(size, page) >> 10);
  }

  private static long amount(@Nullable String number, Element element) {
    return number == null ? 0 : Xml.bytes(number, Xml.attribute(element, "unit"), "KiB");
  }
}
