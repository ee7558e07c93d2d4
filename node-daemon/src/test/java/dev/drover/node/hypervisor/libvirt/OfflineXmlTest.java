package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OfflineXmlTest {
  @Test
  void theFirmwaresVariables() {
    assertThat(
            OfflineXml.read("<domain><os><nvram format='raw'>/nv/a.fd</nvram></os></domain>")
                .nvram())
        .contains("/nv/a.fd");
    assertThat(
            OfflineXml.read(
                    """
                    <domain><os><nvram type='file'><source file='/nv/b.fd'/></nvram></os></domain>
                    """)
                .nvram())
        .contains("/nv/b.fd");
    assertThat(OfflineXml.read("<domain><os><nvram template='/t.fd'/></os></domain>").nvram())
        .isEmpty();
    assertThat(OfflineXml.read("<domain><os/></domain>").nvram()).isEmpty();
  }

  @Test
  void onlyAnEmulatedTpmHasStateHere() {
    assertThat(
            OfflineXml.read(
                    """
                    <domain><devices><tpm model='tpm-crb'>
                      <backend type='emulator' version='2.0'/></tpm></devices></domain>
                    """)
                .tpm())
        .isTrue();
    assertThat(
            OfflineXml.read(
                    """
                    <domain><devices><tpm model='tpm-tis'>
                      <backend type='passthrough'/></tpm></devices></domain>
                    """)
                .tpm())
        .isFalse();
  }
}
