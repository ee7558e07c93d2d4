package dev.drover.testbed.host;

import dev.drover.testbed.process.NamespacePids;
import dev.drover.testbed.process.ProcessMark;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A process of a host, as this machine sees it.
 *
 * @param mark its identity on the machine
 * @param innerPid its number inside the host
 */
public record HostProcess(ProcessMark mark, long innerPid, List<String> arguments) {

  /** Its number on the machine: what to signal. */
  public long pid() {
    return mark.pid();
  }

  public boolean alive() {
    return mark.alive();
  }

  /** All processes of the pid namespace that a process is in. */
  static List<HostProcess> inNamespaceOf(long pid) {
    Optional<Path> namespace = namespace(pid);
    if (namespace.isEmpty()) {
      return List.of();
    }
    try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
      return all.map(ProcessHandle::pid)
          .filter(candidate -> namespace(candidate).equals(namespace))
          .flatMap(candidate -> read(candidate).stream())
          .toList();
    }
  }

  private static Optional<HostProcess> read(long pid) {
    try {
      Path directory = Path.of("/proc", Long.toString(pid));
      List<Long> numbers = NamespacePids.of(pid);
      long inner = numbers.isEmpty() ? 0 : numbers.getLast();
      List<String> arguments = List.of(Files.readString(directory.resolve("cmdline")).split("\0"));
      return ProcessMark.of(pid).map(mark -> new HostProcess(mark, inner, arguments));
    } catch (IOException e) {
      // It ended while it was looked at.
      return Optional.empty();
    }
  }

  private static Optional<Path> namespace(long pid) {
    try {
      return Optional.of(Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/pid")));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
