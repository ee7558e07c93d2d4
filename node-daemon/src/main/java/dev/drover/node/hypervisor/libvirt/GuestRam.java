package dev.drover.node.hypervisor.libvirt;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.regex.Pattern;

/**
 * How much of a guest's memory has to be sent: what its emulator holds, without what the emulator
 * has for itself and without pages of zeroes, which go over as a mark. A sample of the kernel's
 * page map (proc_pid_pagemap(5)) over the mappings that are the guest's; of a page that is there,
 * whether all of it is zero, as QEMU asks before it sends one, and nothing else.
 */
final class GuestRam {
  private static final Pattern MAPPING =
      Pattern.compile("^([0-9a-f]+)-([0-9a-f]+) rw-[ps] .*$", Pattern.MULTILINE);
  private static final int HEX = 16;
  private static final int PAGE = 4096;
  private static final int ENTRY = Long.BYTES;
  private static final byte[] ZEROES = new byte[PAGE];

  private static final long PRESENT = 1L << 63;
  private static final long SWAPPED = 1L << 62;

  private static final int SAMPLES = 2048;

  /** What is smaller is no guest's memory. */
  private static final long SMALLEST = 16L << 20;

  /** A neighbour may have been merged into a mapping. */
  private static final double SLACK = 1.05;

  private GuestRam() {}

  private record Mapping(long start, long size) {}

  /**
   * Bytes of the guest's memory that are more than zeroes, within some percent; empty if it can't
   * be told.
   *
   * @param memoryBytes that the guest has
   */
  static OptionalLong residentBytes(Path proc, long pid, long memoryBytes) {
    Path process = proc.resolve(Long.toString(pid));
    try {
      List<Mapping> mappings = mappings(Files.readString(process.resolve("maps")), memoryBytes);
      long size = mappings.stream().mapToLong(Mapping::size).sum();
      if ((double) size * SLACK < (double) memoryBytes) {
        return OptionalLong.empty();
      }
      try (var pages = FileChannel.open(process.resolve("pagemap"));
          var memory = FileChannel.open(process.resolve("mem"))) {
        double share = held(pages, memory, mappings, size);
        return OptionalLong.of(Math.min(memoryBytes, Math.round(share * (double) memoryBytes)));
      }
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  /** The largest that make up the guest's memory together. */
  private static List<Mapping> mappings(String maps, long memoryBytes) {
    List<Mapping> found =
        MAPPING
            .matcher(maps)
            .results()
            .map(
                line -> {
                  var start = new BigInteger(line.group(1), HEX);
                  var size = new BigInteger(line.group(2), HEX).subtract(start);
                  return new Mapping(start.longValue(), size.longValue());
                })
            .filter(m -> m.size() >= Math.min(SMALLEST, memoryBytes))
            .sorted(Comparator.comparingLong(Mapping::size).reversed())
            .toList();
    List<Mapping> chosen = new ArrayList<>();
    double left = (double) memoryBytes;
    for (Mapping mapping : found) {
      if ((double) mapping.size() <= left * SLACK) {
        chosen.add(mapping);
        left -= (double) mapping.size();
      }
      if (left <= 0) {
        break;
      }
    }
    return chosen;
  }

  /** One page of each of so many equal parts; which one is chance. */
  private static double held(
      FileChannel pages, FileChannel memory, List<Mapping> mappings, long size) throws IOException {
    var random = new SplittableRandom(size);
    var entry = ByteBuffer.allocate(ENTRY).order(ByteOrder.nativeOrder());
    var page = ByteBuffer.allocate(PAGE);
    int held = 0;
    int looked = 0;
    double step = Math.max(PAGE, (double) size / SAMPLES);
    for (double from = 0; from + PAGE <= (double) size; from += step) {
      long offset = (long) (from + random.nextDouble() * (step - PAGE));
      long address = at(mappings, offset);
      entry.clear();
      if (pages.read(entry, Long.divideUnsigned(address, PAGE) * ENTRY) != ENTRY) {
        throw new IOException("the page map ends at " + Long.toHexString(address));
      }
      looked++;
      long state = entry.getLong(0);
      if ((state & PRESENT) != 0) {
        held += isZero(memory, address - address % PAGE, page) ? 0 : 1;
      } else if ((state & SWAPPED) != 0) {
        held++; // not worth to be fetched
      }
    }
    return looked == 0 ? 0 : (double) held / looked;
  }

  private static boolean isZero(FileChannel memory, long address, ByteBuffer page)
      throws IOException {
    page.clear();
    if (memory.read(page, address) != PAGE) {
      throw new IOException("no page at " + Long.toHexString(address));
    }
    return page.flip().mismatch(ByteBuffer.wrap(ZEROES)) < 0;
  }

  private static long at(List<Mapping> mappings, long offset) {
    long left = offset;
    for (Mapping mapping : mappings) {
      if (left < mapping.size()) {
        return mapping.start() + left;
      }
      left -= mapping.size();
    }
    throw new IllegalArgumentException("no such offset: " + offset);
  }
}
