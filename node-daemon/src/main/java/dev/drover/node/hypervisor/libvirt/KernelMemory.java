package dev.drover.node.hypervisor.libvirt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/** What the kernel says of memory and libvirt does not. */
final class KernelMemory {
  private static final Pattern DEFAULT_SIZE =
      Pattern.compile("^Hugepagesize:\\s+([0-9]+) kB$", Pattern.MULTILINE);

  private KernelMemory() {}

  /** {@code Hugepagesize} of {@code /proc/meminfo}; empty if the kernel has no huge pages. */
  static OptionalLong defaultHugePageKibibytes(Path proc) {
    try {
      return defaultHugePageKibibytes(Files.readString(proc.resolve("meminfo")));
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  static OptionalLong defaultHugePageKibibytes(String meminfo) {
    var found = DEFAULT_SIZE.matcher(meminfo);
    return found.find() ? OptionalLong.of(Long.parseLong(found.group(1))) : OptionalLong.empty();
  }
}
