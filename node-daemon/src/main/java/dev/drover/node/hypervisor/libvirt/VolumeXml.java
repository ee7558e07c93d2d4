package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.VolumeSpec;
import dev.drover.node.hypervisor.VolumeState;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.w3c.dom.Element;

/**
 * A volume's definition.
 *
 * @param fileBytes size of its file; 0 if libvirt does not say
 * @param hasBackingFile whether the image stands on another one
 * @param block whether it is a block device of the host rather than a file
 * @param stamp another one whenever its file was written to
 */
record VolumeXml(
    VolumeState state, long fileBytes, boolean hasBackingFile, boolean block, String stamp) {

  /** Throws {@link IllegalArgumentException} if the text is not a volume. */
  static VolumeXml read(String pool, String text) {
    Element volume = Xml.parse(text);
    Element target =
        Xml.child(volume, "target")
            .orElseThrow(() -> new IllegalArgumentException("a volume without <target>"));
    return new VolumeXml(
        new VolumeState(
            pool,
            Xml.text(volume, "name").orElse(""),
            Xml.text(target, "path").orElse(""),
            Xml.child(target, "format").map(format -> format.getAttribute("type")).orElse("raw"),
            Xml.child(volume, "capacity").map(e -> Xml.bytes(e, "bytes")).orElse(0L),
            Xml.child(volume, "allocation").map(e -> Xml.bytes(e, "bytes")).orElse(0L)),
        Xml.child(volume, "physical").map(e -> Xml.bytes(e, "bytes")).orElse(0L),
        Xml.text(volume, "backingStore", "path").filter(path -> !path.isEmpty()).isPresent(),
        "block".equals(Xml.attribute(volume, "type")),
        stamp(volume, target));
  }

  private static String stamp(Element volume, Element target) {
    return Stream.of(
            Xml.text(target, "path"),
            Xml.text(volume, "physical"),
            Xml.text(target, "timestamps", "mtime"),
            Xml.text(target, "timestamps", "ctime"))
        .map(part -> part.orElse("-"))
        .collect(Collectors.joining(" "));
  }

  /** The definition of a new one, with nothing preallocated. */
  static String write(VolumeSpec spec) {
    Element volume = Xml.newRoot("volume");
    Xml.append(volume, "name", spec.name());
    Xml.append(volume, "capacity", Long.toString(spec.capacityBytes()))
        .setAttribute("unit", "bytes");
    Xml.append(volume, "allocation", "0").setAttribute("unit", "bytes");
    Element target = Xml.append(volume, "target");
    Xml.append(target, "format").setAttribute("type", spec.format());
    if (spec.format().equals("qcow2")) {
      // libvirt's default is qemu-img 0.10's format, without which zeroes can't be recorded.
      Xml.append(target, "compat", "1.1");
    }
    VolumeSpec.Base base = spec.base();
    if (base != null) {
      Element backing = Xml.append(volume, "backingStore");
      Xml.append(backing, "path", base.path());
      Xml.append(backing, "format").setAttribute("type", base.format());
    }
    return Xml.print(volume);
  }
}
