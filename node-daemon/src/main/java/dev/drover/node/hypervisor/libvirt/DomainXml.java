package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.HugePages;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * A domain's definition, as far as Drover reads it.
 *
 * @param virtualization libvirt's domain type: {@code kvm}, {@code qemu}
 * @param guestNamespace of {@code <drover:guest namespace=".."/>} in the metadata
 * @param networks libvirt's virtual networks that its interfaces are on
 * @param hugePages that its memory is made of
 * @param blockers that can be seen in the definition
 */
record DomainXml(
    String virtualization,
    String architecture,
    String machineType,
    long memoryBytes,
    int vcpus,
    @Nullable String guestNamespace,
    List<String> networks,
    List<DiskXml> disks,
    SurroundingsXml surroundings,
    List<HugePages> hugePages,
    List<Blocker> blockers) {

  /** Of Drover's own element in a domain's metadata. */
  static final String METADATA_NAMESPACE = "https://drover.dev/guest/1";

  DomainXml {
    networks = List.copyOf(networks);
    disks = List.copyOf(disks);
    hugePages = List.copyOf(hugePages);
    blockers = List.copyOf(blockers);
  }

  /**
   * A disk as it is defined.
   *
   * @param type {@code file}, {@code block}, {@code network}, {@code volume}, ...
   * @param path of its file or block device
   * @param backingFile whether it stands on another image; empty if the definition does not say
   * @param backing the images that it stands on, the nearest first, as far as the definition says
   */
  record DiskXml(
      String target,
      String type,
      @Nullable String path,
      @Nullable String pool,
      @Nullable String volume,
      String format,
      boolean hasSource,
      boolean readOnly,
      boolean shareable,
      Optional<Boolean> backingFile,
      List<BackingXml> backing) {
    DiskXml {
      backing = List.copyOf(backing);
    }
  }

  /**
   * An image that others stand on.
   *
   * @param path of its file or block device; null for any other kind
   */
  record BackingXml(String type, @Nullable String path, String format) {}

  /** Throws {@link IllegalArgumentException} if the text is not a domain. */
  static DomainXml read(String text) {
    Element domain = Xml.parse(text);
    Element type =
        Xml.child(domain, "os", "type")
            .orElseThrow(() -> new IllegalArgumentException("a domain without <os><type>"));
    Optional<Element> devices = Xml.child(domain, "devices");
    List<Element> diskElements =
        devices.map(element -> Xml.children(element, "disk")).orElse(List.of());
    long memoryBytes =
        Xml.child(domain, "memory").map(memory -> Xml.bytes(memory, "KiB")).orElse(0L);
    return new DomainXml(
        attribute(domain, "type"),
        attribute(type, "arch"),
        attribute(type, "machine"),
        memoryBytes,
        Xml.child(domain, "vcpu").map(DomainXml::vcpus).orElse(1),
        Xml.child(domain, "metadata").map(DomainXml::guestNamespace).orElse(null),
        devices.map(DomainXml::networks).orElse(List.of()),
        diskElements.stream().map(DomainXml::disk).toList(),
        SurroundingsXml.read(domain),
        MemoryBackingXml.read(domain, memoryBytes),
        Stream.concat(
                blockers(devices, diskElements).stream(), HostBoundXml.blockers(domain).stream())
            .toList());
  }

  private static List<String> networks(Element devices) {
    return Xml.children(devices, "interface").stream()
        .filter(nic -> attribute(nic, "type").equals("network"))
        .flatMap(nic -> Xml.child(nic, "source").stream())
        .map(source -> attribute(source, "network"))
        .filter(name -> !name.isEmpty())
        .distinct()
        .toList();
  }

  private static String attribute(Element element, String name) {
    String value = Xml.attribute(element, name);
    return value == null ? "" : value;
  }

  private static int vcpus(Element vcpu) {
    String current = Xml.attribute(vcpu, "current");
    return Integer.parseInt(current == null ? vcpu.getTextContent().strip() : current);
  }

  private static @Nullable String guestNamespace(Element metadata) {
    NodeList guests = metadata.getElementsByTagNameNS(METADATA_NAMESPACE, "guest");
    for (int i = 0; i < guests.getLength(); i++) {
      // Only Drover's own element, not one that somebody has put into another's metadata.
      if (guests.item(i) instanceof Element guest && metadata.isSameNode(guest.getParentNode())) {
        return Xml.attribute(guest, "namespace");
      }
    }
    return null;
  }

  private static DiskXml disk(Element disk) {
    String type = attribute(disk, "type");
    Optional<Element> source = Xml.child(disk, "source");
    return new DiskXml(
        Xml.child(disk, "target").map(target -> attribute(target, "dev")).orElse(""),
        type,
        path(type, source),
        source.map(element -> attribute(element, "pool")).filter(s -> !s.isEmpty()).orElse(null),
        source.map(element -> attribute(element, "volume")).filter(s -> !s.isEmpty()).orElse(null),
        Xml.child(disk, "driver")
            .map(driver -> attribute(driver, "type"))
            .filter(format -> !format.isEmpty())
            .orElse("raw"),
        source.isPresent(),
        Xml.child(disk, "readonly").isPresent(),
        Xml.child(disk, "shareable").isPresent(),
        backingFile(disk),
        backing(disk));
  }

  private static @Nullable String path(String type, Optional<Element> source) {
    return source
        .map(
            element ->
                switch (type) {
                  case "file" -> attribute(element, "file");
                  case "block" -> attribute(element, "dev");
                  default -> "";
                })
        .filter(path -> !path.isEmpty())
        .orElse(null);
  }

  private static List<BackingXml> backing(Element disk) {
    List<BackingXml> images = new ArrayList<>();
    Optional<Element> store = Xml.child(disk, "backingStore");
    while (store.isPresent() && Xml.attribute(store.get(), "type") != null) {
      String type = attribute(store.get(), "type");
      images.add(
          new BackingXml(
              type,
              path(type, Xml.child(store.get(), "source")),
              Xml.child(store.get(), "format").map(f -> attribute(f, "type")).orElse("raw")));
      store = Xml.child(store.get(), "backingStore");
    }
    return images;
  }

  /** libvirt ends a chain that it knows with an empty {@code <backingStore/>}. */
  private static Optional<Boolean> backingFile(Element disk) {
    return Xml.child(disk, "backingStore")
        .map(
            store ->
                Xml.attribute(store, "type") != null || Xml.child(store, "source").isPresent());
  }

  private static List<Blocker> blockers(Optional<Element> devices, List<Element> disks) {
    List<Blocker> blockers = new ArrayList<>();
    devices.ifPresent(
        element -> {
          for (Element device : Xml.children(element, "hostdev")) {
            blockers.add(new Blocker(Blocker.Kind.HostDevice, hostDevice(device)));
          }
          for (Element nic : Xml.children(element, "interface")) {
            if (attribute(nic, "type").equals("hostdev")) {
              blockers.add(new Blocker(Blocker.Kind.HostDevice, "interface " + hostDevice(nic)));
            }
          }
          for (Element filesystem : Xml.children(element, "filesystem")) {
            blockers.add(
                new Blocker(
                    Blocker.Kind.SharedFilesystem,
                    Xml.child(filesystem, "target")
                        .map(target -> attribute(target, "dir"))
                        .orElse("")));
          }
        });
    for (Element disk : disks) {
      String target = Xml.child(disk, "target").map(t -> attribute(t, "dev")).orElse("");
      if (Xml.child(disk, "transient").isPresent()) {
        blockers.add(new Blocker(Blocker.Kind.TransientDisk, target));
      }
      Xml.child(disk, "mirror")
          .ifPresent(
              mirror ->
                  blockers.add(
                      new Blocker(
                          Blocker.Kind.ActiveJob,
                          "block " + attribute(mirror, "job") + " of " + target)));
    }
    return blockers;
  }

  /** {@code pci 0000:3b:00.0}, {@code mdev c2177883-..}: what an administrator looks for. */
  private static String hostDevice(Element device) {
    String type = attribute(device, "type");
    return Xml.child(device, "source", "address")
        .map(
            address ->
                Stream.of("uuid", "domain", "bus", "slot", "function")
                    .map(name -> attribute(address, name))
                    .filter(value -> !value.isEmpty())
                    .map(value -> value.startsWith("0x") ? value.substring(2) : value)
                    .reduce((left, right) -> left + ":" + right)
                    .orElse(""))
        .map(address -> (type + " " + address).strip())
        .orElse(type);
  }
}
