package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.IdSet;
import dev.drover.node.hypervisor.Place;
import java.net.InetAddress;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class RelocationTest {
  private static final InetAddress SOURCE = InetAddress.ofLiteral("10.0.0.1");
  private static final InetAddress TARGET = InetAddress.ofLiteral("10.0.0.2");
  private static final Relocation RELOCATION =
      new Relocation(Map.of("br-a", "br-b"), SOURCE::equals, TARGET);

  private static final String GUEST =
      """
      <domain type='kvm'>
        <name>web &amp; more</name>
        <metadata><x:a xmlns:x='urn:x' listen='10.0.0.1'/></metadata>
        <vcpu placement='static' cpuset='0-3'>2</vcpu>
        <cputune><vcpupin vcpu='0' cpuset='6'/><emulatorpin cpuset='7'/></cputune>
        <numatune><memory mode='strict' nodeset='1'/><memnode cellid='0' nodeset='0'/></numatune>
        <devices>
          <interface type='bridge'><source bridge='br-a'/></interface>
          <interface type='direct'><source dev='eth9' mode='bridge'/></interface>
          <interface type='network'><source network='br-a'/></interface>
          <serial type='tcp'><source mode='bind' host='10.0.0.1' service='4000'/></serial>
          <serial type='udp'>
            <source mode='bind' host='0.0.0.0' service='0'/>
            <source mode='connect' host='10.0.0.1' service='5000'/>
          </serial>
          <console type='tcp'><source mode='bind' host='console.example' service='1'/></console>
          <graphics type='vnc' listen='10.0.0.1' passwd='secret'>
            <listen type='address' address='10.0.0.1'/>
          </graphics>
          <graphics type='vnc' listen='127.0.0.1'>
            <listen type='address' address='127.0.0.1'/>
          </graphics>
        </devices>
      </domain>
      """;

  @Test
  void bridgesAndListenersOfTheSourceBecomeTheTargets() {
    Element devices =
        Xml.child(Xml.parse(RELOCATION.rewrite(GUEST).orElseThrow()), "devices").orElseThrow();
    var nics = Xml.children(devices, "interface");
    assertThat(Xml.child(nics.get(0), "source").orElseThrow().getAttribute("bridge"))
        .isEqualTo("br-b");
    assertThat(Xml.child(nics.get(1), "source").orElseThrow().getAttribute("dev"))
        .isEqualTo("eth9");
    assertThat(Xml.child(nics.get(2), "source").orElseThrow().getAttribute("network"))
        .as("a network of libvirt's is no bridge")
        .isEqualTo("br-a");
    var serials = Xml.children(devices, "serial");
    assertThat(Xml.child(serials.get(0), "source").orElseThrow().getAttribute("host"))
        .isEqualTo("10.0.0.2");
    var graphics = Xml.children(devices, "graphics");
    assertThat(graphics.get(0).getAttribute("listen")).isEqualTo("10.0.0.2");
    assertThat(Xml.child(graphics.get(0), "listen").orElseThrow().getAttribute("address"))
        .isEqualTo("10.0.0.2");
    assertThat(graphics.get(0).getAttribute("passwd")).isEqualTo("secret");
  }

  @Test
  void whatIsTrueOfEveryHostStays() {
    Element domain = Xml.parse(RELOCATION.rewrite(GUEST).orElseThrow());
    Element devices = Xml.child(domain, "devices").orElseThrow();
    var udp = Xml.children(Xml.children(devices, "serial").get(1), "source");
    assertThat(udp.get(0).getAttribute("host")).isEqualTo("0.0.0.0");
    assertThat(udp.get(1).getAttribute("host"))
        .as("that is where somebody listens, not the guest")
        .isEqualTo("10.0.0.1");
    assertThat(Xml.child(devices, "console", "source").orElseThrow().getAttribute("host"))
        .isEqualTo("console.example");
    assertThat(Xml.children(devices, "graphics").get(1).getAttribute("listen"))
        .isEqualTo("127.0.0.1");
    assertThat(Xml.text(domain, "name")).contains("web & more");
    assertThat(Xml.print(domain)).contains("listen=\"10.0.0.1\"");
  }

  @Test
  void aDefinitionThatSaysNothingOfTheSourceIsLeftAlone() {
    assertThat(RELOCATION.rewrite("<domain><name>a</name><devices/></domain>")).isEmpty();
    assertThat(RELOCATION.rewrite("<domain><name>a</name></domain>")).isEmpty();
  }

  @Test
  void whatAGuestNeedsIsRead() {
    var found = SurroundingsXml.read(Xml.parse(GUEST));
    assertThat(found.cpus()).isEqualTo(IdSet.parse("0-3,6,7"));
    assertThat(found.numaNodes()).isEqualTo(IdSet.parse("0,1"));
    assertThat(found.bridges()).containsExactly("br-a", "eth9");
  }

  @Test
  void passwordsAreInNoLog() {
    var definitions = new Definitions(RELOCATION.rewrite(GUEST), RELOCATION.rewrite(GUEST));
    assertThat(definitions.toString()).doesNotContain("secret");
  }

  @Test
  void theCopyOfADiskStandsOnNothingWhereAllOfItIsCopied() {
    var relocation =
        new Relocation(Map.of(), SOURCE::equals, TARGET, Set.of("vda"), Map.of(), Optional.empty());
    var disk =
        """
        <domain><devices><disk type='file'><source file='/a'/>
        <backingStore type='file'><format type='qcow2'/><source file='/b'/><backingStore/></backingStore>
        <target dev='%s'/></disk></devices></domain>
        """;
    assertThat(relocation.rewrite(disk.formatted("vda")))
        .hasValueSatisfying(
            xml -> assertThat(xml).contains("<backingStore/>").doesNotContain("/b"));
    assertThat(relocation.rewrite(disk.formatted("vdb"))).isEmpty();
  }

  @Test
  void aNetworkDiskBecomesAVolumeOfTheTarget() {
    var relocation =
        new Relocation(
            Map.of(),
            SOURCE::equals,
            TARGET,
            Set.of(),
            Map.of("vda", new Place("images", "web-vda.raw")),
            Optional.empty());
    assertThat(
            relocation.rewrite(
                "<domain><devices><disk type='network' device='disk'><driver type='raw'/>"
                    + "<auth username='admin'><secret type='ceph' uuid='x'/></auth>"
                    + "<source protocol='rbd' name='pool/image'><host name='mon'/></source>"
                    + "<backingStore/><target dev='vda' bus='virtio'/></disk></devices></domain>"))
        .contains(
            "<domain><devices><disk device=\"disk\" type=\"volume\"><driver type=\"raw\"/>"
                + "<source pool=\"images\" volume=\"web-vda.raw\"/>"
                + "<target bus=\"virtio\" dev=\"vda\"/></disk></devices></domain>");
  }
}
