package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes from another host is read as data, and libvirt gets nothing of it but names. */
class CpuXmlTest {
  private static final String LIVE =
      """
      <domain type='kvm'><cpu mode='custom' match='exact' check='full'>
        <model fallback='forbid'>Skylake-Client</model><vendor>Intel</vendor>
        <topology sockets='1' dies='1' cores='2' threads='1'/>
        <feature policy='require' name='vmx'/><feature policy='disable' name='hle'/>
        <numa><cell id='0' cpus='0-1' memory='1024' unit='KiB'/></numa>
      </cpu></domain>
      """;

  @Test
  void onlyWhatTheCpuConsistsOfTravels() {
    var cpu = CpuXml.ofDomain(Xml.parse(LIVE)).orElseThrow();
    assertThat(cpu)
        .isEqualTo(
            "<cpu match=\"exact\" mode=\"custom\"><model fallback=\"forbid\">Skylake-Client</model>"
                + "<vendor>Intel</vendor><feature name=\"vmx\" policy=\"require\"/>"
                + "<feature name=\"hle\" policy=\"disable\"/></cpu>");
    assertThat(CpuXml.read(cpu)).isEqualTo(cpu);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<domain/>",
        "<domain><cpu mode='host-passthrough' check='none' migratable='on'/></domain>",
        "<domain><cpu mode='custom' check='none'><model>qemu64</model></cpu></domain>",
        "<domain><cpu mode='custom' check='full'/></domain>"
      })
  void whatLibvirtDoesNotCompareDoesNotTravel(String domain) {
    assertThat(CpuXml.ofDomain(Xml.parse(domain))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "no XML",
        "<domain><cpu/></domain>",
        "<cpu/>",
        "<cpu><model>a b</model></cpu>",
        "<cpu><model>../../etc/passwd</model></cpu>",
        "<cpu xmlns='urn:x'><model>a</model></cpu>",
        "<cpu><model>a</model><feature policy='require' name='&#10;'/></cpu>",
        "<!DOCTYPE cpu [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><cpu><model>&x;</model></cpu>"
      })
  void nothingElseIsTaken(String text) {
    assertThatThrownBy(() -> CpuXml.read(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aTextOfAnyLengthIsNotRead() {
    assertThatThrownBy(() -> CpuXml.read("<cpu><model>a</model>" + " ".repeat(9000) + "</cpu>"))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
