package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A process with 64 MiB at 16 MiB: 4 MiB of ones, 4 of zeroes, 8 that are swapped out; and more.
 */
class GuestRamTest {
  private static final long MIB = 1 << 20;
  private static final int PAGES = 32 << 8;

  @TempDir private Path proc;

  @BeforeEach
  void process() throws IOException {
    Files.createDirectories(proc.resolve("7"));
    maps(
        """
        00400000-00500000 r-xp 00000000 08:01 131 /usr/bin/qemu-system-x86_64
        00e00000-00f00000 rw-p 00000000 00:00 0 [heap]
        01000000-05000000 rw-p 00000000 00:00 0
        05000000-05001000 ---p 00000000 00:00 0
        06000000-46000000 rwxp 00000000 00:00 0
        """);
    var entries = ByteBuffer.allocate(PAGES * Long.BYTES).order(ByteOrder.nativeOrder());
    for (int page = 0; page < PAGES; page++) {
      long mib = page >> 8;
      entries.putLong(mib >= 16 && mib < 24 ? 1L << 63 : mib < 32 && mib >= 24 ? 1L << 62 : 0);
    }
    // Beyond what was touched the file has a hole.
    Files.write(proc.resolve("7/pagemap"), entries.array());
    try (var file = new RandomAccessFile(proc.resolve("7/pagemap").toFile(), "rw")) {
      file.setLength((80L << 8) * Long.BYTES);
    }
    // Half of what is present are zeroes.
    try (var file = new RandomAccessFile(proc.resolve("7/mem").toFile(), "rw")) {
      var ones = new byte[4 << 20];
      Arrays.fill(ones, (byte) 1);
      file.seek(16 * MIB);
      file.write(ones);
      file.setLength(80 * MIB);
    }
  }

  private void maps(String text) throws IOException {
    Files.writeString(proc.resolve("7/maps"), text);
  }

  @Test
  void onlyTheGuestsPagesCountSwappedOutOrMoreThanZeroes() {
    assertThat(GuestRam.residentBytes(proc, 7, 64 * MIB).getAsLong()).isBetween(11 * MIB, 13 * MIB);
  }

  @Test
  void aMappingForEachNodeOfTheGuest() throws IOException {
    maps(
        """
        01000000-03000000 rw-s 00000000 00:01 9 /memfd:node0 (deleted)
        03000000-05000000 rw-s 00000000 00:01 9 /memfd:node1 (deleted)
        """);
    assertThat(GuestRam.residentBytes(proc, 7, 64 * MIB).getAsLong()).isBetween(11 * MIB, 13 * MIB);
  }

  @Test
  void whatCanNotBeToldIsNot() {
    assertThat(GuestRam.residentBytes(proc, 7, 128 * MIB)).as("no such mapping").isEmpty();
    assertThat(GuestRam.residentBytes(proc, 8, 64 * MIB)).as("no such process").isEmpty();
  }
}
