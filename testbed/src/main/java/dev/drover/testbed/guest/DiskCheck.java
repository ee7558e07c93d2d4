package dev.drover.testbed.guest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What the self-describing blocks of a disk say.
 *
 * @param blocks how many were ever written
 * @param bad how many of them are torn, stale, lost or at the wrong place
 * @param failedWrites writes that the guest got an error for
 * @param digest depends on the last sequence number of each block: two disks with the same one have
 *     the same contents
 */
public record DiskCheck(int disk, long blocks, long bad, long failedWrites, String digest) {

  public boolean clean() {
    return bad == 0 && failedWrites == 0;
  }

  /**
   * Reads a raw image that no guest has open. It can tell torn and misplaced blocks, and, by the
   * digest, stale ones.
   */
  public static DiskCheck ofImage(Path rawImage, int disk) {
    long blocks = 0;
    long bad = 0;
    long digest = 0;
    ByteBuffer block = ByteBuffer.allocate(DiskBlock.BYTES);
    try (FileChannel channel = FileChannel.open(rawImage)) {
      for (long number = 0; (number + 1) * DiskBlock.BYTES <= channel.size(); number++) {
        block.clear();
        while (block.hasRemaining()
            && channel.read(block, number * DiskBlock.BYTES + block.position()) >= 0) {}
        if (DiskBlock.isEmpty(block)) {
          continue;
        }
        blocks++;
        if (DiskBlock.isGood(block, disk, number)) {
          digest ^= DiskBlock.identity(block);
        } else {
          bad++;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new DiskCheck(disk, blocks, bad, 0, "%016x".formatted(digest));
  }

  /** Reads a guest's answer to {@code verify}. */
  static List<DiskCheck> parse(String answer) {
    List<DiskCheck> checks = new ArrayList<>();
    String[] parts = answer.split("(?=\\bdisk=)");
    for (String part : parts) {
      Map<String, String> fields = GuestObserver.fields(part);
      if (part.startsWith("disk=")) {
        checks.add(
            new DiskCheck(
                Integer.parseInt(fields.getOrDefault("disk", "")),
                Long.parseLong(fields.getOrDefault("blocks", "")),
                Long.parseLong(fields.getOrDefault("bad", "")),
                Long.parseLong(fields.getOrDefault("failed", "")),
                fields.getOrDefault("digest", "")));
      }
    }
    return checks;
  }
}
