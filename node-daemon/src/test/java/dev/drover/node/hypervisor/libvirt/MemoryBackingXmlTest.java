package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.HugePages;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class MemoryBackingXmlTest {
  private static final long GIB = 1L << 30;

  private static List<HugePages> of(String backing, String cells) {
    return DomainXml.read(
            """
            <domain type='kvm'>
              <memory unit='GiB'>4</memory>
              <memoryBacking>%s</memoryBacking>
              <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
              <cpu><numa>%s</numa></cpu>
            </domain>
            """
                .formatted(backing, cells))
        .hugePages();
  }

  @Test
  void ordinaryMemoryNeedsNone() {
    assertThat(of("<locked/>", "")).isEmpty();
  }

  @Test
  void withoutASizeItIsTheHostsDefault() {
    assertThat(of("<hugepages/>", ""))
        .containsExactly(new HugePages(OptionalLong.empty(), 4 * GIB));
  }

  @Test
  void oneSizeForAllOfTheMemory() {
    assertThat(of("<hugepages><page size='1' unit='G'/></hugepages>", ""))
        .containsExactly(new HugePages(OptionalLong.of(1 << 20), 4 * GIB));
    assertThat(of("<hugepages><page size='2048' nodeset='0'/></hugepages>", ""))
        .containsExactly(new HugePages(OptionalLong.of(2048), 4 * GIB));
  }

  @Test
  void sizesByNode() {
    assertThat(
            of(
                "<hugepages><page size='1048576'/><page size='2048' nodeset='1'/></hugepages>",
                "<cell id='0' cpus='0' memory='3' unit='GiB'/><cell id='1' cpus='1' memory='1048576'/>"))
        .containsExactlyInAnyOrder(
            new HugePages(OptionalLong.of(2048), GIB),
            new HugePages(OptionalLong.of(1 << 20), 3 * GIB));
  }

  @Test
  void whatIsForNoNodeIsOrdinary() {
    assertThat(
            of(
                "<hugepages><page size='2048' nodeset='1'/></hugepages>",
                "<cell id='0' cpus='0' memory='3' unit='GiB'/><cell id='1' cpus='1' memory='1' unit='GiB'/>"))
        .containsExactly(new HugePages(OptionalLong.of(2048), GIB));
  }

  @Test
  void theDefaultSizeIsTheKernels() {
    assertThat(
            KernelMemory.defaultHugePageKibibytes(
                "HugePages_Total:       0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n"))
        .hasValue(2048);
    assertThat(KernelMemory.defaultHugePageKibibytes("MemTotal:  1 kB\n")).isEmpty();
  }
}
