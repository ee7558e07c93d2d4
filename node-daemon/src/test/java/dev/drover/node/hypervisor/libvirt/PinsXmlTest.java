package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.Pins;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PinsXmlTest {
  private static final String PINNED =
      "<domain><vcpu cpuset=\"0-255\" placement=\"static\">2</vcpu><cputune><shares>2048</shares>"
          + "<vcpupin cpuset=\"2\" vcpu=\"0\"/><vcpupin cpuset=\"3\" vcpu=\"1\"/>"
          + "<emulatorpin cpuset=\"2-3\"/></cputune>"
          + "<numatune><memory mode=\"strict\" nodeset=\"1\"/></numatune></domain>";

  private static String moved(String definition, Pins pins) {
    var domain = Xml.parse(definition);
    PinsXml.move(domain, pins);
    return Xml.print(domain);
  }

  @Test
  void eachPinGoesWhereItIsSaid() {
    assertThat(moved(PINNED, new Pins(false, Map.of(0, 0, 2, 5, 3, 3), Map.of(1, 0))))
        .isEqualTo(
            PINNED
                .replace("cpuset=\"0-255\"", "cpuset=\"0,3,5\"")
                .replace("cpuset=\"2\"", "cpuset=\"5\"")
                .replace("cpuset=\"2-3\"", "cpuset=\"3,5\"")
                .replace("nodeset=\"1\"", "nodeset=\"0\""));
  }

  @Test
  void allOfThemGoAndOtherTuningStays() {
    assertThat(moved(PINNED, Pins.DROPPED))
        .isEqualTo(
            "<domain><vcpu placement=\"static\">2</vcpu><cputune><shares>2048</shares></cputune>"
                + "</domain>");
  }

  @Test
  void aGuestIsNeverPinnedToNothingByMistake() {
    assertThatThrownBy(() -> moved(PINNED, new Pins(false, Map.of(2, 5), Map.of())))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void whatIsPinnedToNothingIsNotTouched() {
    var domain = Xml.parse("<domain><vcpu>2</vcpu></domain>");
    assertThat(PinsXml.move(domain, Pins.DROPPED)).isFalse();
    assertThat(PinsXml.move(domain, new Pins(false, Map.of(), Map.of()))).isFalse();
  }
}
