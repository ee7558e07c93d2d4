package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What /proc tells of zero-copy, in the kernel's own format. */
class LockedMemoryTest {
  private static final long MIB = 1 << 20;

  @TempDir Path proc;

  private void process(int pid, String comm, String capEff, String softLimit) throws IOException {
    Path own = Files.createDirectories(proc.resolve(Integer.toString(pid)));
    Files.writeString(own.resolve("comm"), comm + "\n");
    Files.writeString(own.resolve("status"), "Name:\t%s\nCapEff:\t%s\n".formatted(comm, capEff));
    Files.writeString(
        own.resolve("limits"),
        """
        Limit                     Soft Limit           Hard Limit           Units
        Max processes             96114                96114                processes
        Max locked memory         %-20s 8388608              bytes
        """
            .formatted(softLimit));
  }

  @Test
  void aDaemonWithoutTheRightIsInTheWayOfAGuestThatNeedsIt() throws IOException {
    process(1, "init", "0000000000000000", "8388608");
    process(100, "libvirtd", "000001fffeffffff", "8388608");
    process(200, "qemu-system-x86", "0000000000000000", "8388608");
    assertThat(LockedMemory.obstacle(proc, 200, 256 * MIB))
        .hasValueSatisfying(
            why ->
                assertThat(why).contains("8 MiB", "the guest has 256", "has no CAP_SYS_RESOURCE"));
    assertThat(LockedMemory.obstacle(proc, 200, 8 * MIB)).isEmpty();
    process(200, "qemu-system-x86", "0000000000000000", "unlimited");
    assertThat(LockedMemory.obstacle(proc, 200, 256 * MIB)).isEmpty();
  }

  @Test
  void aDaemonWithTheRightRaisesTheLimit() throws IOException {
    process(100, "virtqemud", "000001ffffffffff", "8388608");
    process(200, "qemu-system-x86", "0000000000000000", "8388608");
    assertThat(LockedMemory.obstacle(proc, 200, 256 * MIB)).isEmpty();
  }

  @Test
  void whatCanNotBeReadIsTakenForGood() throws IOException {
    assertThat(LockedMemory.obstacle(proc, 200, 256 * MIB)).isEmpty();
    process(200, "qemu-system-x86", "0000000000000000", "8388608");
    assertThat(LockedMemory.obstacle(proc, 200, 256 * MIB)).isEmpty();
  }
}
