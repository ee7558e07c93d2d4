package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.GuestDescription.Blocker;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostBoundXmlTest {
  private static List<String> details(String more, String devices) {
    return DomainXml.read(
            """
            <domain type='kvm'>
              <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
              %s
              <devices>%s</devices>
            </domain>
            """
                .formatted(more, devices))
        .blockers()
        .stream()
        .filter(b -> b.kind() == Blocker.Kind.HostBound)
        .map(Blocker::detail)
        .toList();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          <shmem name='ring'><model type='ivshmem-plain'/></shmem> | shared memory ring
          <interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface> | interface vdpa /dev/vhost-vdpa-0
          <input type='evdev'><source dev='/dev/input/event1'/></input> | input evdev
          <input type='passthrough' bus='virtio'/> | input passthrough
          <smartcard mode='host'/> | smartcard host
          <tpm model='tpm-tis'><backend type='passthrough'/></tpm> | TPM of the host
          <memory model='sgx-epc'/> | memory sgx-epc
          """)
  void aDeviceThatIsTiedToItsHost(String device, String detail) {
    assertThat(details("", device)).containsExactly(detail);
  }

  @Test
  void whatCanMoveIsNotTold() {
    assertThat(
            details(
                "<launchSecurity type='s390-pv'/>",
                "<input type='tablet' bus='usb'/><smartcard mode='passthrough' type='spicevmc'/>"
                    + "<tpm model='tpm-crb'><backend type='emulator'/></tpm><memory model='dimm'/>"
                    + "<interface type='network'><source network='default'/></interface>"))
        .isEmpty();
  }

  @Test
  void encryptedMemoryStays() {
    assertThat(details("<launchSecurity type='sev'/>", "")).containsExactly("launchSecurity sev");
  }

  @Test
  void theHostsClockStaysUnlessItsFrequencyIsKnown() {
    var cpu = "<cpu><feature policy='require' name='invtsc'/></cpu>";
    assertThat(details(cpu, "")).containsExactly("CPU feature invtsc");
    assertThat(details(cpu + "<clock><timer name='tsc' frequency='2400000000'/></clock>", ""))
        .isEmpty();
    assertThat(details("<cpu><feature policy='disable' name='invtsc'/></cpu>", "")).isEmpty();
  }
}
