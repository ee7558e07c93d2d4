package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.GuestDescription.Blocker;
import dev.drover.node.hypervisor.libvirt.DomainXml.DiskXml;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DomainXmlTest {

  private static final String ORDINARY =
      """
      <domain type='kvm' id='3'>
        <name>db</name>
        <metadata>
          <other:app xmlns:other='https://example.org/other'>
            <drover:guest xmlns:drover='https://drover.dev/guest/1' namespace='not-this'/>
          </other:app>
          <drover:guest xmlns:drover='https://drover.dev/guest/1' namespace='team-a'/>
        </metadata>
        <memory unit='KiB'>2097152</memory>
        <currentMemory unit='KiB'>1048576</currentMemory>
        <vcpu placement='static' current='2'>4</vcpu>
        <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
        <devices>
          <disk type='file' device='disk'>
            <driver name='qemu' type='qcow2' cache='none'/>
            <source file='/images/ü &amp; &quot;x&quot;.qcow2' index='1'/>
            <backingStore/>
            <target dev='vda' bus='virtio'/>
          </disk>
          <disk type='file' device='disk'>
            <driver name='qemu' type='qcow2'/>
            <source file='/images/clone.qcow2'/>
            <backingStore type='file'>
              <format type='qcow2'/>
              <source file='/images/base.qcow2'/>
              <backingStore/>
            </backingStore>
            <target dev='vdb' bus='virtio'/>
          </disk>
          <disk type='block' device='disk'>
            <driver name='qemu' type='raw'/>
            <source dev='/dev/vg/lv'/>
            <target dev='vdc' bus='virtio'/>
            <shareable/>
          </disk>
          <disk type='network' device='disk'>
            <driver name='qemu' type='raw'/>
            <source protocol='rbd' name='pool/image'/>
            <target dev='vdd' bus='virtio'/>
          </disk>
          <disk type='volume' device='disk'>
            <driver name='qemu' type='raw'/>
            <source pool='fast' volume='data'/>
            <target dev='vde' bus='virtio'/>
            <readonly/>
          </disk>
          <disk type='file' device='cdrom'>
            <target dev='sda' bus='sata'/>
            <readonly/>
          </disk>
        </devices>
      </domain>
      """;

  private static final String IMMOVABLE =
      """
      <domain type='qemu'>
        <os><type arch='aarch64' machine='virt'>hvm</type></os>
        <devices>
          <hostdev mode='subsystem' type='pci' managed='yes'>
            <source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/></source>
          </hostdev>
          <hostdev mode='subsystem' type='mdev' model='vfio-pci'>
            <source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source>
          </hostdev>
          <interface type='hostdev'><mac address='52:54:00:6d:90:02'/></interface>
          <interface type='bridge'><source bridge='br0'/></interface>
          <filesystem type='mount'><source dir='/a'/><target dir='tag'/></filesystem>
          <disk type='file' device='disk'>
            <source file='/images/t'/><target dev='vda'/><transient/>
          </disk>
          <disk type='file' device='disk'>
            <source file='/images/m'/><target dev='vdb'/>
            <mirror type='file' job='copy' ready='yes'><source file='/images/n'/></mirror>
          </disk>
        </devices>
      </domain>
      """;

  @Test
  void readsAnOrdinaryDomain() {
    DomainXml domain = DomainXml.read(ORDINARY);

    assertThat(domain.virtualization()).isEqualTo("kvm");
    assertThat(domain.architecture()).isEqualTo("x86_64");
    assertThat(domain.machineType()).isEqualTo("pc-q35-10.0");
    assertThat(domain.memoryBytes()).isEqualTo(2L << 30);
    assertThat(domain.vcpus()).isEqualTo(2);
    assertThat(domain.guestNamespace()).isEqualTo("team-a");
    assertThat(domain.blockers()).isEmpty();
  }

  @Test
  void readsDisksOfEveryKind() {
    Map<String, DiskXml> disks =
        DomainXml.read(ORDINARY).disks().stream()
            .collect(Collectors.toMap(DiskXml::target, Function.identity()));

    assertThat(disks).containsOnlyKeys("vda", "vdb", "vdc", "vdd", "vde", "sda");
    assertThat(disks.get("vda").path()).isEqualTo("/images/ü & \"x\".qcow2");
    assertThat(disks.get("vda").format()).isEqualTo("qcow2");
    assertThat(disks.get("vda").backingFile()).contains(false);
    assertThat(disks.get("vdb").backingFile()).contains(true);
    assertThat(disks.get("vdc").path()).isEqualTo("/dev/vg/lv");
    assertThat(disks.get("vdc").shareable()).isTrue();
    assertThat(disks.get("vdc").backingFile()).isEmpty();
    assertThat(disks.get("vdd").path()).isNull();
    assertThat(disks.get("vde").pool()).isEqualTo("fast");
    assertThat(disks.get("vde").volume()).isEqualTo("data");
    assertThat(disks.get("vde").readOnly()).isTrue();
    assertThat(disks.get("sda").hasSource()).isFalse();
  }

  @Test
  void namesWhatCannotBeMoved() {
    assertThat(DomainXml.read(IMMOVABLE).blockers())
        .containsExactly(
            new Blocker(Blocker.Kind.HostDevice, "pci 0000:3b:00:1"),
            new Blocker(Blocker.Kind.HostDevice, "mdev c2177883-f1bb-47f0-914d-32a22e3a8804"),
            new Blocker(Blocker.Kind.HostDevice, "interface hostdev"),
            new Blocker(Blocker.Kind.SharedFilesystem, "tag"),
            new Blocker(Blocker.Kind.TransientDisk, "vda"),
            new Blocker(Blocker.Kind.ActiveJob, "block copy of vdb"));
  }

  @Test
  void aGuestWithoutTheElementHasNoNamespace() {
    assertThat(DomainXml.read(IMMOVABLE).guestNamespace()).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><domain>&x;</domain>",
        "<!DOCTYPE domain SYSTEM 'http://127.0.0.1:1/x.dtd'><domain/>",
        "<!DOCTYPE d [<!ENTITY a 'aa'><!ENTITY b '&a;&a;&a;&a;'>]><d>&b;</d>",
        "<!DOCTYPE d [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><d/>",
        "<domain>&unknown;</domain>",
        "<domain><name>x</domain>",
        "<domain/>",
        "not xml",
        ""
      })
  void refusesWhatLibvirtDoesNotWrite(String text) {
    assertThatThrownBy(() -> DomainXml.read(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void doesNotFollowAnInclude() {
    DomainXml domain =
        DomainXml.read(
            """
            <domain type='qemu' xmlns:xi='http://www.w3.org/2001/XInclude'>
              <xi:include href='file:///etc/passwd' parse='text'/>
              <os><type arch='x86_64' machine='pc'>hvm</type></os>
            </domain>
            """);

    assertThat(domain.machineType()).isEqualTo("pc");
  }

  @Test
  void theImagesThatADiskStandsOnAreTheNearestFirst() {
    var domain =
        DomainXml.read(
            """
            <domain type='kvm'><os><type>hvm</type></os><devices>
              <disk type='file'><source file='/top'/><target dev='vda'/>
                <backingStore type='file'><format type='qcow2'/><source file='/middle'/>
                  <backingStore type='block'><format type='raw'/><source dev='/dev/x'/>
                    <backingStore type='network'><source protocol='nbd' name='y'/></backingStore>
                  </backingStore>
                </backingStore>
              </disk>
            </devices></domain>
            """);
    assertThat(domain.disks().getFirst().backing())
        .containsExactly(
            new DomainXml.BackingXml("file", "/middle", "qcow2"),
            new DomainXml.BackingXml("block", "/dev/x", "raw"),
            new DomainXml.BackingXml("network", null, "raw"));
  }
}
