package dev.drover.testbed.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The numbers that a process has: one in each namespace of processes that it is in. */
public final class NamespacePids {
  private static final String FIELD = "NSpid:";

  private NamespacePids() {}

  /**
   * From the one that this process sees inwards.
   *
   * @throws IOException if it has ended
   */
  public static List<Long> of(long pid) throws IOException {
    return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
        .filter(line -> line.startsWith(FIELD))
        .flatMap(line -> Arrays.stream(line.substring(FIELD.length()).strip().split("\\s+")))
        .map(Long::valueOf)
        .toList();
  }
}
