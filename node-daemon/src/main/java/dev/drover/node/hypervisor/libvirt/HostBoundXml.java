package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.GuestDescription.Blocker;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.w3c.dom.Element;

/**
 * What ties a guest to its host besides host devices, file systems and disks: what libvirt
 * (qemuMigrationSrcIsAllowed) or QEMU (migration blockers of its devices) would refuse to migrate
 * when it comes to it.
 */
final class HostBoundXml {
  private HostBoundXml() {}

  static List<Blocker> blockers(Element domain) {
    Stream<String> devices = Xml.child(domain, "devices").stream().flatMap(HostBoundXml::devices);
    return Stream.of(devices, launchSecurity(domain), invariantClock(domain))
        .flatMap(some -> some)
        .distinct()
        .map(detail -> new Blocker(Blocker.Kind.HostBound, detail))
        .toList();
  }

  private static Stream<String> devices(Element devices) {
    return Stream.of(
            Xml.children(devices, "shmem").stream()
                .map(shmem -> "shared memory " + shmem.getAttribute("name")),
            Xml.children(devices, "interface").stream()
                .filter(nic -> nic.getAttribute("type").equals("vdpa"))
                .map(nic -> "interface vdpa " + source(nic, "dev")),
            Xml.children(devices, "input").stream()
                .filter(
                    input -> List.of("passthrough", "evdev").contains(input.getAttribute("type")))
                .map(input -> "input " + input.getAttribute("type")),
            Xml.children(devices, "smartcard").stream()
                .filter(card -> card.getAttribute("mode").startsWith("host"))
                .map(card -> "smartcard " + card.getAttribute("mode")),
            Xml.children(devices, "tpm").stream()
                .flatMap(tpm -> Xml.children(tpm, "backend").stream())
                .filter(backend -> backend.getAttribute("type").equals("passthrough"))
                .map(_ -> "TPM of the host"),
            Xml.children(devices, "memory").stream()
                .filter(memory -> memory.getAttribute("model").equals("sgx-epc"))
                .map(_ -> "memory sgx-epc"))
        .flatMap(some -> some);
  }

  private static String source(Element device, String attribute) {
    return Xml.child(device, "source").map(source -> source.getAttribute(attribute)).orElse("");
  }

  private static Stream<String> launchSecurity(Element domain) {
    return Xml.child(domain, "launchSecurity").stream()
        .filter(element -> !element.getAttribute("type").equals("s390-pv"))
        .map(element -> "launchSecurity " + element.getAttribute("type"));
  }

  /** A clock that runs as the host's does goes on elsewhere only if its frequency is given. */
  private static Stream<String> invariantClock(Element domain) {
    boolean asked =
        Xml.child(domain, "cpu").stream()
            .flatMap(cpu -> Xml.children(cpu, "feature").stream())
            .anyMatch(
                feature ->
                    feature.getAttribute("name").equals("invtsc")
                        && List.of("require", "force").contains(feature.getAttribute("policy")));
    Optional<String> frequency =
        Xml.child(domain, "clock").stream()
            .flatMap(clock -> Xml.children(clock, "timer").stream())
            .filter(timer -> timer.getAttribute("name").equals("tsc"))
            .flatMap(timer -> Stream.ofNullable(Xml.attribute(timer, "frequency")))
            .findFirst();
    return asked && frequency.isEmpty() ? Stream.of("CPU feature invtsc") : Stream.empty();
  }
}
