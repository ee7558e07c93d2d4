package dev.drover.testbed.guest;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A block of 4 KiB as the guest's program writes it: it says which one it is, and what its sequence
 * number was. The same format as in {@code src/main/guest/guest.c}.
 */
final class DiskBlock {

  static final int BYTES = 4096;

  private static final int WORDS = BYTES / 8;
  private static final long MAGIC = 0x4b425245564f5244L;
  private static final int CHECKSUM_WORD = 4;

  private DiskBlock() {}

  /** Whether nothing but zeros is in it: it was never written. */
  static boolean isEmpty(ByteBuffer block) {
    for (int word = 0; word < WORDS; word++) {
      if (block.getLong(word * 8) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether it is whole, and is the block that should be at this place. */
  static boolean isGood(ByteBuffer block, int disk, long number) {
    return word(block, 0) == MAGIC
        && word(block, 1) == disk
        && word(block, 2) == number
        && word(block, CHECKSUM_WORD) == checksum(block);
  }

  /**
   * A number that depends on the disk, the block and the sequence number: summed by XOR, it is a
   * disk's digest.
   */
  static long identity(ByteBuffer block) {
    return identity(word(block, 1), word(block, 2), word(block, 3));
  }

  private static long identity(long disk, long number, long sequence) {
    return mix(mix(mix(disk + 1) + number) + sequence);
  }

  /** Writes a block: for the tests of those who read it. */
  static ByteBuffer make(int disk, long number, long sequence) {
    ByteBuffer block = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    block.putLong(0, MAGIC).putLong(8, disk).putLong(16, number).putLong(24, sequence);
    long x = identity(disk, number, sequence) | 1;
    for (int word = CHECKSUM_WORD + 1; word < WORDS; word++) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
      block.putLong(word * 8, x);
    }
    return block.putLong(CHECKSUM_WORD * 8, checksum(block));
  }

  private static long checksum(ByteBuffer block) {
    long hash = 0xcbf29ce484222325L;
    for (int word = 0; word < WORDS; word++) {
      if (word != CHECKSUM_WORD) {
        hash = (hash ^ word(block, word)) * 0x100000001b3L;
      }
    }
    return hash;
  }

  private static long word(ByteBuffer block, int word) {
    return block.order(ByteOrder.LITTLE_ENDIAN).getLong(word * 8);
  }

  private static long mix(long value) {
    long x = value;
    x ^= x >>> 33;
    x *= 0xff51afd7ed558ccdL;
    x ^= x >>> 33;
    x *= 0xc4ceb9fe1a85ec53L;
    return x ^ (x >>> 33);
  }
}
