package dev.drover.testbed.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskCheckTest {

  private static final int DISK = 1;
  private static final int BLOCKS = 16;

  @TempDir Path directory;

  @Test
  void aDiskWithWhatWasWrittenIsClean() throws IOException {
    Path image = image(DiskBlock.make(DISK, 3, 7), 3);

    DiskCheck check = DiskCheck.ofImage(image, DISK);

    assertThat(check.clean()).isTrue();
    assertThat(check.blocks()).isEqualTo(1);
  }

  @Test
  void aTornBlockIsBad() throws IOException {
    ByteBuffer block = DiskBlock.make(DISK, 3, 7);
    block.putLong(2048, 0);

    assertThat(DiskCheck.ofImage(image(block, 3), DISK).bad()).isEqualTo(1);
  }

  @Test
  void aBlockAtAnothersPlaceIsBad() throws IOException {
    assertThat(DiskCheck.ofImage(image(DiskBlock.make(DISK, 3, 7), 4), DISK).bad()).isEqualTo(1);
  }

  @Test
  void aBlockOfAnotherDiskIsBad() throws IOException {
    assertThat(DiskCheck.ofImage(image(DiskBlock.make(0, 3, 7), 3), DISK).bad()).isEqualTo(1);
  }

  @Test
  void aStaleBlockIsWholeAndGivesAnotherDigest() throws IOException {
    DiskCheck fresh = DiskCheck.ofImage(image(DiskBlock.make(DISK, 3, 8), 3), DISK);
    DiskCheck stale = DiskCheck.ofImage(image(DiskBlock.make(DISK, 3, 7), 3), DISK);

    assertThat(stale.clean()).isTrue();
    assertThat(stale.digest()).isNotEqualTo(fresh.digest());
  }

  @Test
  void theGuestsAnswerIsRead() {
    Verification verification =
        Verification.parse(
            "ok memory pages=8192 bad=0 disk=0 blocks=16 bad=0 failed=0 digest=00ff firstbad=0 "
                + "disk=1 blocks=5 bad=2 failed=1 digest=0a firstbad=3 ");

    assertThat(verification.memoryPages()).isEqualTo(8192);
    assertThat(verification.disks())
        .containsExactly(new DiskCheck(0, 16, 0, 0, "00ff"), new DiskCheck(1, 5, 2, 1, "0a"));
    assertThat(verification.clean()).isFalse();
  }

  private Path image(ByteBuffer block, int place) throws IOException {
    Path image = directory.resolve("disk.raw");
    try (FileChannel channel =
        FileChannel.open(
            image,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), (long) BLOCKS * DiskBlock.BYTES - 1);
      channel.write(block.rewind(), (long) place * DiskBlock.BYTES);
    }
    return image;
  }
}
