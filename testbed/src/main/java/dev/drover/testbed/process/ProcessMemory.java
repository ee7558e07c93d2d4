package dev.drover.testbed.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much memory a process of this machine holds. */
public final class ProcessMemory {

  private ProcessMemory() {}

  /**
   * Its proportional set size in KiB: of a page that n processes share, it has an nth. 0 if gone.
   */
  public static long proportionalKib(long pid) {
    return kib(Path.of("/proc", Long.toString(pid), "smaps_rollup"), "Pss:");
  }

  /** Its resident set size in KiB. 0 if it is gone. */
  public static long residentKib(long pid) {
    return kib(Path.of("/proc", Long.toString(pid), "status"), "VmRSS:");
  }

  private static long kib(Path file, String field) {
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> line.startsWith(field))
          .map(line -> line.replaceAll("[^0-9]", ""))
          .mapToLong(Long::parseLong)
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      return 0;
    }
  }
}
