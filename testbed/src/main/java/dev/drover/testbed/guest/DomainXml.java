package dev.drover.testbed.guest;

import dev.drover.testbed.host.Bridge;
import dev.drover.testbed.storage.StorageServer;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** The libvirt definition of a guest. */
final class DomainXml {

  /** The element that says which namespace of the cluster a domain belongs to. */
  private static final String DROVER_NAMESPACE = "https://drover.dev/guest/1";

  private final Document document;

  private DomainXml(Document document) {
    this.document = document;
  }

  static String of(GuestSpec guest, InetSocketAddress observer) {
    try {
      Document document = DocumentBuilderFactory.newInstance().newDocumentBuilder().newDocument();
      new DomainXml(document).build(guest, observer);
      var transformer = TransformerFactory.newInstance().newTransformer();
      transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
      var text = new StringWriter();
      transformer.transform(new DOMSource(document), new StreamResult(text));
      return text.toString();
    } catch (ParserConfigurationException | TransformerException e) {
      throw new IllegalStateException(e);
    }
  }

  private void build(GuestSpec guest, InetSocketAddress observer) {
    Element domain = child(document, "domain", Map.of("type", "qemu"));
    text(domain, "name", guest.name());
    text(domain, "uuid", guest.uuid().toString());
    if (!guest.namespace().isEmpty()) {
      Element drover = document.createElementNS(DROVER_NAMESPACE, "drover:guest");
      drover.setAttribute("namespace", guest.namespace());
      child(domain, "metadata", Map.of()).appendChild(drover);
    }
    text(domain, "memory", Integer.toString(guest.memoryMib())).setAttribute("unit", "MiB");
    Element vcpu = text(domain, "vcpu", "1");
    if (!guest.ties().cpuSet().isEmpty()) {
      vcpu.setAttribute("cpuset", guest.ties().cpuSet());
    }
    Element os = child(domain, "os", Map.of());
    Element type = text(os, "type", "hvm");
    type.setAttribute("arch", "x86_64");
    type.setAttribute("machine", guest.machine());
    text(os, "kernel", "/boot/guest/vmlinux");
    text(os, "initrd", "/boot/guest/initrd.gz");
    text(os, "cmdline", kernelCommandLine(guest));
    child(child(domain, "features", Map.of()), "acpi", Map.of());
    text(child(domain, "cpu", Map.of("mode", "custom", "match", "exact")), "model", "qemu64");
    // With an HPET, a guest under TCG stands still for eight seconds after some migrations.
    Element clock = child(domain, "clock", Map.of("offset", "utc"));
    child(clock, "timer", Map.of("name", "hpet", "present", "no"));
    text(domain, "on_poweroff", "destroy");
    text(domain, "on_reboot", "destroy");
    text(domain, "on_crash", "destroy");
    devices(child(domain, "devices", Map.of()), guest, observer);
  }

  private static String kernelCommandLine(GuestSpec guest) {
    var line = new StringBuilder("console=ttyS0 quiet mitigations=off panic=0");
    if (guest.dirtyMib() > 0) {
      line.append(" drover.dirty=%d:%d".formatted(guest.dirtyMib(), guest.dirtyMibPerSecond()));
    }
    if (guest.writeMibPerSecond() > 0) {
      line.append(" drover.write=%d".formatted(guest.writeMibPerSecond()));
    }
    if (!guest.ties().address().isEmpty()) {
      line.append(" drover.ip=").append(guest.ties().address());
    }
    return line.toString();
  }

  private void devices(Element devices, GuestSpec guest, InetSocketAddress observer) {
    for (int number = 0; number < guest.disks().size(); number++) {
      disk(devices, guest, number);
    }
    child(devices, "controller", Map.of("type", "usb", "model", "none"));
    child(devices, "memballoon", Map.of("model", "virtio"));
    // The kernel's console, a packet for each byte; and the guest's program, a packet for each
    // line.
    Element serial = child(devices, "serial", Map.of("type", "udp"));
    toObserver(serial, observer);
    child(serial, "target", Map.of("port", "0"));
    Element console = child(devices, "console", Map.of("type", "udp"));
    toObserver(console, observer);
    child(console, "target", Map.of("type", "virtio", "port", "0"));
    ties(devices, guest.ties());
  }

  private void ties(Element devices, HostTies ties) {
    if (!ties.bridge().isEmpty()) {
      Element nic = child(devices, "interface", Map.of("type", "bridge"));
      child(nic, "source", Map.of("bridge", ties.bridge()));
      child(nic, "model", Map.of("type", "virtio"));
      // Without a ROM for booting from the network: the hosts have none.
      child(nic, "rom", Map.of("enabled", "no"));
    }
    if (!ties.listenAddress().isEmpty()) {
      Element serial = child(devices, "serial", Map.of("type", "tcp"));
      child(
          serial,
          "source",
          Map.of("mode", "bind", "host", ties.listenAddress(), "service", "4555"));
      child(serial, "protocol", Map.of("type", "raw"));
      child(serial, "target", Map.of("port", "1"));
      Element graphics =
          child(devices, "graphics", Map.of("type", "vnc", "port", "-1", "autoport", "yes"));
      child(graphics, "listen", Map.of("type", "address", "address", ties.listenAddress()));
    }
  }

  private void disk(Element devices, GuestSpec guest, int number) {
    DiskSpec spec = guest.disks().get(number);
    boolean cdrom = spec.kind() == DiskSpec.Kind.Cdrom || spec.kind() == DiskSpec.Kind.EmptyCdrom;
    String type = spec.kind() == DiskSpec.Kind.NetworkDisk ? "network" : "file";
    Element disk = child(devices, "disk", Map.of("type", type, "device", cdrom ? "cdrom" : "disk"));
    child(disk, "driver", Map.of("name", "qemu", "type", spec.format(), "cache", "none"));
    switch (spec.kind()) {
      case Disk, Cdrom -> child(disk, "source", Map.of("file", spec.path(guest.name(), number)));
      case NetworkDisk -> networkSource(disk, StorageServer.Protocol.valueOf(spec.pool()));
      case EmptyCdrom -> {}
    }
    String device = (cdrom ? "sd" : "vd") + (char) ('a' + number);
    child(disk, "target", Map.of("dev", device, "bus", cdrom ? "sata" : "virtio"));
    if (spec.readOnly()) {
      child(disk, "readonly", Map.of());
    }
    if (spec.shareable()) {
      child(disk, "shareable", Map.of());
    }
    if (cdrom) {
      return;
    }
    // By this the guest's program knows the disk, and whether it may write to it.
    text(disk, "serial", "drover-%d-%s".formatted(number, spec.shareable() ? "r" : "w"));
  }

  private void networkSource(Element disk, StorageServer.Protocol protocol) {
    Element source =
        child(disk, "source", Map.of("protocol", protocol.name(), "name", protocol.volume()));
    child(
        source, "host", Map.of("name", Bridge.ADDRESS, "port", Integer.toString(protocol.port())));
    if (protocol == StorageServer.Protocol.iscsi) {
      child(
          child(source, "initiator", Map.of()),
          "iqn",
          Map.of("name", "iqn.2026-01.dev.drover:guest"));
    }
  }

  private void toObserver(Element device, InetSocketAddress observer) {
    child(
        device,
        "source",
        Map.of(
            "mode", "connect",
            "host", observer.getAddress().getHostAddress(),
            "service", Integer.toString(observer.getPort())));
    child(device, "source", Map.of("mode", "bind", "host", "0.0.0.0", "service", "0"));
  }

  private Element text(Node parent, String name, String value) {
    Element element = child(parent, name, Map.of());
    element.setTextContent(value);
    return element;
  }

  private Element child(Node parent, String name, Map<String, String> attributes) {
    Element element = document.createElement(name);
    attributes.forEach(element::setAttribute);
    parent.appendChild(element);
    return element;
  }
}
