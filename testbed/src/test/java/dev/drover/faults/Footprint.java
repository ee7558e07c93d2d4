package dev.drover.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** What a process holds of its machine. */
record Footprint(String process, long memoryKib, long threads, long files, long sockets) {

  /** Empty if there is no such process. */
  static Optional<Footprint> of(String process, long pid) {
    Path directory = Path.of("/proc/" + pid);
    try (Stream<Path> open = Files.list(directory.resolve("fd"))) {
      long files = 0;
      long sockets = 0;
      for (Path descriptor : open.toList()) {
        files++;
        if (isSocket(descriptor)) {
          sockets++;
        }
      }
      return Optional.of(
          new Footprint(
              process, field(directory, "VmRSS:"), field(directory, "Threads:"), files, sockets));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (IOException e) {
      return false; // closed meanwhile
    }
  }

  private static long field(Path directory, String name) throws IOException {
    return Files.readAllLines(directory.resolve("status")).stream()
        .filter(line -> line.startsWith(name))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElse(0);
  }
}
