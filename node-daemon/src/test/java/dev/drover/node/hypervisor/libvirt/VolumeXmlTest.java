package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.VolumeSpec;
import dev.drover.node.hypervisor.VolumeState;
import java.util.List;
import org.junit.jupiter.api.Test;

class VolumeXmlTest {

  @Test
  void readsAVolume() {
    VolumeXml volume =
        VolumeXml.read(
            "default",
            """
            <volume type='file'>
              <name>a.qcow2</name>
              <key>/images/a.qcow2</key>
              <capacity unit='bytes'>268435456</capacity>
              <allocation unit='bytes'>200704</allocation>
              <target><path>/images/a.qcow2</path><format type='qcow2'/></target>
              <backingStore><path>/images/base.qcow2</path><format type='raw'/></backingStore>
            </volume>
            """);

    assertThat(volume.state())
        .isEqualTo(
            new VolumeState(
                "default", "a.qcow2", "/images/a.qcow2", "qcow2", 268_435_456, 200_704));
    assertThat(volume.hasBackingFile()).isTrue();
    assertThat(volume.block()).isFalse();
  }

  @Test
  void whatIsWrittenIsReadAgainWhateverTheName() {
    String name = "x</name><capacity>1</capacity>&\"'ü";

    VolumeState volume =
        VolumeXml.read(
                "p",
                VolumeXml.write(new VolumeSpec("p", name, "qcow2", 42))
                    .replace("</target>", "<path>/x</path></target>"))
            .state();

    assertThat(volume).isEqualTo(new VolumeState("p", name, "/x", "qcow2", 42, 0));
  }

  @Test
  void unitsAreObeyed() {
    assertThat(
            VolumeXml.read(
                    "p",
                    "<volume><capacity unit='GiB'>2</capacity><allocation>7</allocation>"
                        + "<target/></volume>")
                .state())
        .extracting(VolumeState::capacityBytes, VolumeState::allocationBytes)
        .containsExactly(2L << 30, 7L);
    assertThatThrownBy(
            () ->
                VolumeXml.read(
                    "p", "<volume><capacity unit='cubit'>2</capacity><target/></volume>"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void anOverlayNamesItsBase() {
    var base = new VolumeSpec.Base("/images/b&.qcow2", "raw");
    var xml = VolumeXml.write(new VolumeSpec("p", "a", "qcow2", 42, base));
    assertThat(xml)
        .contains(
            "<backingStore><path>/images/b&amp;.qcow2</path><format type=\"raw\"/></backingStore>");
    assertThat(VolumeXml.read("p", xml).hasBackingFile()).isTrue();
  }

  @Test
  void theStampIsAnotherOneWhenTheFileIs() {
    var xml =
        """
        <volume><physical>%d</physical>
        <target><path>/a</path><timestamps><mtime>%s</mtime><ctime>2.0</ctime></timestamps></target>
        </volume>
        """;
    assertThat(List.of(xml.formatted(1, "1.0"), xml.formatted(2, "1.0"), xml.formatted(1, "1.1")))
        .extracting(text -> VolumeXml.read("p", text).stamp())
        .containsExactly("/a 1 1.0 2.0", "/a 2 1.0 2.0", "/a 1 1.1 2.0");
  }
}
