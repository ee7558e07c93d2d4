package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.SourceReport.Guest;
import dev.drover.api.v1alpha1.SourceReport.HugePages;
import dev.drover.api.v1alpha1.SourceReport.Surroundings;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.FreePages;
import dev.drover.node.hypervisor.HypervisorException;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A host with 100 MiB of ordinary memory and 60 MiB in huge pages of 2 MiB. */
class MemoryFitTest {
  private static final long MIB = 1 << 20;

  private final FakeHypervisor host = new FakeHypervisor(InstantSource.system());
  private final Holds holds = new Holds();
  private final MemoryFit fit = new MemoryFit(host, holds);

  @BeforeEach
  void memory() {
    host.setAvailableMemoryBytes(100 * MIB);
    host.setFreePages(new FreePages(OptionalLong.of(2048), Map.of(2048L, 60 * MIB)));
  }

  private static Guest guest(long mebibytes, HugePages... pages) {
    return new Guest(
        "web",
        false,
        true,
        mebibytes * MIB,
        1,
        "x86_64",
        "pc-q35-10.0",
        "kvm",
        null,
        null,
        new Surroundings(false, null, null, null, List.of(pages), null),
        List.of());
  }

  private static HugePages pages(@Nullable Long kibibytes, long mebibytes) {
    return new HugePages(kibibytes, mebibytes * MIB);
  }

  private List<Blocker> missing(Guest guest) throws HypervisorException {
    return fit.missing("other", guest);
  }

  @Test
  void hugePagesTakeNoOrdinaryMemoryAndOrdinaryMemoryTakesNoHugePages() throws HypervisorException {
    host.setAvailableMemoryBytes(0);
    assertThat(missing(guest(60, pages(2048L, 60)))).isEmpty();
    host.setAvailableMemoryBytes(100 * MIB);
    host.setFreePages(new FreePages(OptionalLong.of(2048), Map.of(2048L, 0L)));
    assertThat(missing(guest(100))).isEmpty();
    assertThat(host.lookUps("freePages")).isEqualTo(1);
  }

  @Test
  void tooFewHugePagesAreRefusedWithTheFiguresAndARemedy() throws HypervisorException {
    assertThat(missing(guest(64, pages(2048L, 64))))
        .singleElement()
        .satisfies(
            b -> {
              assertThat(b.reason()).isEqualTo("InsufficientHugePages");
              assertThat(b.message()).contains("64 MiB", "2048 KiB", "60 MiB");
              assertThat(b.remedy()).contains("virsh freepages");
            });
  }

  @Test
  void aSizeThatTheHostDoesNotHaveIsRefused() throws HypervisorException {
    assertThat(missing(guest(32, pages(1L << 20, 32))))
        .singleElement()
        .satisfies(b -> assertThat(b.message()).contains("1048576 KiB", "this host has 2048 KiB"));
    host.setFreePages(new FreePages(OptionalLong.empty(), Map.of()));
    assertThat(missing(guest(32, pages(null, 32))))
        .singleElement()
        .satisfies(b -> assertThat(b.message()).contains("no huge pages"));
  }

  @Test
  void withoutASizeTheHostsOwnDefaultCounts() throws HypervisorException {
    assertThat(missing(guest(60, pages(null, 60)))).isEmpty();
    assertThat(missing(guest(62, pages(null, 62)))).hasSize(1);
  }

  @Test
  void whatOthersAreOnTheirWayWithIsNotFree() throws HypervisorException {
    var named = guest(20, pages(2048L, 20));
    holds.take("a", TargetCheck.need(named, List.of()), 9);
    holds.take("b", TargetCheck.need(guest(20, pages(null, 20)), List.of()), 9);
    assertThat(missing(named)).isEmpty();
    assertThat(missing(guest(22, pages(2048L, 22)))).hasSize(1);
    assertThat(missing(guest(100))).as("no ordinary memory is held").isEmpty();
  }

  @Test
  void aMixtureNeedsBoth() throws HypervisorException {
    assertThat(missing(guest(160, pages(2048L, 60)))).isEmpty();
    assertThat(missing(guest(170, pages(2048L, 62))))
        .extracting(Blocker::reason)
        .containsExactly("InsufficientMemory", "InsufficientHugePages");
  }
}
