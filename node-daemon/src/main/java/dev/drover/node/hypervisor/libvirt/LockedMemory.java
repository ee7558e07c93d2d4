package dev.drover.node.hypervisor.libvirt;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whether a guest's memory may be locked for zero-copy. libvirt raises the emulator's limit to the
 * guest's memory unless it is as high already; for that its daemon needs CAP_SYS_RESOURCE. What
 * can't be read is taken for good, as libvirt finds out itself before memory is sent.
 */
final class LockedMemory {
  private static final Set<String> DAEMONS = Set.of("libvirtd", "virtqemud");
  private static final int CAP_SYS_RESOURCE = 24;
  private static final Pattern SOFT_LIMIT =
      Pattern.compile("^Max locked memory\\s+(\\d+|unlimited)\\s", Pattern.MULTILINE);
  private static final Pattern CAPABILITIES =
      Pattern.compile("^CapEff:\\s*([0-9a-f]{1,16})$", Pattern.MULTILINE);

  private LockedMemory() {}

  /**
   * What is known to be in the way; empty if nothing is.
   *
   * @param proc the host's /proc
   * @param emulatorPid in there
   * @param bytes the guest's memory
   */
  static Optional<String> obstacle(Path proc, long emulatorPid, long bytes) {
    Optional<String> limit =
        find(SOFT_LIMIT, proc.resolve(Long.toString(emulatorPid)).resolve("limits"));
    if (limit.isEmpty()
        || limit.get().equals("unlimited")
        || Long.parseUnsignedLong(limit.get()) >= bytes
        || daemonMayRaise(proc)) {
      return Optional.empty();
    }
    return Optional.of(
        "QEMU may lock %d MiB of memory, the guest has %d, and libvirtd may not raise the limit (it has no CAP_SYS_RESOURCE)"
            .formatted(Long.parseUnsignedLong(limit.get()) >> 20, bytes >> 20));
  }

  private static boolean daemonMayRaise(Path proc) {
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(proc, "[0-9]*")) {
      for (Path process : processes) {
        if (read(process.resolve("comm"))
            .map(String::strip)
            .filter(DAEMONS::contains)
            .isPresent()) {
          return find(CAPABILITIES, process.resolve("status"))
              .map(bits -> (Long.parseUnsignedLong(bits, 16) >>> CAP_SYS_RESOURCE & 1) == 1)
              .orElse(true);
        }
      }
      return true; // in another container, perhaps
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<String> find(Pattern pattern, Path file) {
    return read(file).map(pattern::matcher).filter(Matcher::find).map(found -> found.group(1));
  }

  private static Optional<String> read(Path file) {
    try {
      return Optional.of(Files.readString(file));
    } catch (IOException e) {
      return Optional.empty(); // gone meanwhile, or not to be read by us
    }
  }
}
