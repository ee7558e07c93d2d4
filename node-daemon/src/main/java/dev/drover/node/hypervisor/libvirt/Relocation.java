package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.Pins;
import dev.drover.node.hypervisor.Place;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;

/**
 * Rewrites what a definition says of the source so that it is true of the target: network cards go
 * to the bridges that take the place of the source's, and what listens on an address of the source
 * listens on the target's. All else stays as libvirt wrote it; that the guest sees the same machine
 * is checked by libvirt.
 *
 * @param bridges by the name at the source
 * @param ownAddress whether an address is one of the source's, and of no other host
 * @param targetAddress where the target listens instead
 * @param standalone disks whose copies stand on nothing, whatever they stand on at the source
 * @param newPlaces the volumes of the target that disks become, by the disk's target
 * @param pins what becomes of CPUs and NUMA nodes; empty: they stay
 */
record Relocation(
    Map<String, String> bridges,
    Predicate<InetAddress> ownAddress,
    InetAddress targetAddress,
    Set<String> standalone,
    Map<String, Place> newPlaces,
    Optional<Pins> pins) {
  /** Devices with a host's end that may listen. */
  private static final Set<String> CHARACTER_DEVICES =
      Set.of("serial", "parallel", "console", "channel", "smartcard", "redirdev");

  Relocation {
    bridges = Map.copyOf(bridges);
    standalone = Set.copyOf(standalone);
    newPlaces = Map.copyOf(newPlaces);
  }

  /** With each disk standing on what it stands on, and each pin as it is. */
  Relocation(
      Map<String, String> bridges, Predicate<InetAddress> ownAddress, InetAddress targetAddress) {
    this(bridges, ownAddress, targetAddress, Set.of(), Map.of(), Optional.empty());
  }

  /** The definition for the target; empty if it can stay as it is. */
  Optional<String> rewrite(String definition) {
    Element domain = Xml.parse(definition);
    boolean changed = pins.isPresent() && PinsXml.move(domain, pins.get());
    for (Element nic : SurroundingsXml.nics(domain)) {
      changed |= moveNic(nic);
    }
    Optional<Element> devices = Xml.child(domain, "devices");
    if (devices.isPresent()) {
      for (String name : CHARACTER_DEVICES) {
        for (Element device : Xml.children(devices.get(), name)) {
          changed |= moveCharacterDevice(device);
        }
      }
      for (Element disk : Xml.children(devices.get(), "disk")) {
        changed |= endChain(disk);
        changed |= moveDisk(disk);
      }
      for (Element graphics : Xml.children(devices.get(), "graphics")) {
        changed |= moveGraphics(graphics);
      }
    }
    return changed ? Optional.of(Xml.print(domain)) : Optional.empty();
  }

  private boolean moveNic(Element nic) {
    String attribute = SurroundingsXml.interfaceAttribute(nic.getAttribute("type"));
    Optional<Element> source = Xml.child(nic, "source");
    if (attribute == null || source.isEmpty()) {
      return false;
    }
    String there = bridges.get(source.get().getAttribute(attribute));
    if (there == null) {
      return false;
    }
    source.get().setAttribute(attribute, there);
    return true;
  }

  /** libvirt takes a chain that the definition tells for granted, and finds any other itself. */
  private boolean endChain(Element disk) {
    Optional<Element> store = Xml.child(disk, "backingStore");
    String name = Xml.child(disk, "target").map(t -> t.getAttribute("dev")).orElse("");
    if (store.isEmpty() || !store.get().hasAttribute("type") || !standalone.contains(name)) {
      return false;
    }
    disk.replaceChild(disk.getOwnerDocument().createElement("backingStore"), store.get());
    return true;
  }

  /** What belongs to the old place, a server's password too, goes with its element. */
  private boolean moveDisk(Element disk) {
    String name = Xml.child(disk, "target").map(t -> t.getAttribute("dev")).orElse("");
    Place place = newPlaces.get(name);
    Optional<Element> source = Xml.child(disk, "source");
    if (place == null || source.isEmpty()) {
      return false;
    }
    disk.setAttribute("type", "volume");
    Xml.children(disk, "auth").forEach(disk::removeChild);
    Xml.children(disk, "backingStore").forEach(disk::removeChild);
    Element moved = disk.getOwnerDocument().createElement("source");
    moved.setAttribute("pool", place.pool());
    moved.setAttribute("volume", place.volume());
    disk.replaceChild(moved, source.get());
    return true;
  }

  private boolean moveCharacterDevice(Element device) {
    boolean changed = false;
    for (Element source : Xml.children(device, "source")) {
      if ("bind".equals(Xml.attribute(source, "mode"))) {
        changed |= moveAddress(source, "host");
      }
    }
    return changed;
  }

  private boolean moveGraphics(Element graphics) {
    boolean changed = moveAddress(graphics, "listen");
    for (Element listen :
        Xml.children(graphics, "listen").stream()
            .flatMap(
                element ->
                    "address".equals(Xml.attribute(element, "type"))
                        ? Stream.of(element)
                        : Stream.empty())
            .toList()) {
      changed |= moveAddress(listen, "address");
    }
    return changed;
  }

  private boolean moveAddress(Element element, String attribute) {
    InetAddress address = literal(Xml.attribute(element, attribute));
    if (address == null || !ownAddress.test(address)) {
      return false;
    }
    element.setAttribute(attribute, text(targetAddress));
    return true;
  }

  /** Null unless it is a number: no resolver is asked about what stands in a definition. */
  private static @Nullable InetAddress literal(@Nullable String text) {
    if (text == null) {
      return null;
    }
    try {
      return InetAddress.ofLiteral(text);
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static String text(InetAddress address) {
    String text = address.getHostAddress();
    int scope = address instanceof Inet6Address ? text.indexOf('%') : -1;
    return scope < 0 ? text : text.substring(0, scope);
  }
}
