package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Finds the process that runs a guest: the one with {@code -uuid <uuid>} on its command line. Needs
 * the host's process namespace, and no libvirt.
 */
final class EmulatorProcesses {
  private final Path runDirectory;
  private final Path procDirectory;

  EmulatorProcesses(Path runDirectory, Path procDirectory) {
    this.runDirectory = runDirectory;
    this.procDirectory = procDirectory;
  }

  /**
   * A handle on the guest's process; empty if there is none.
   *
   * @param name the domain's, if it is known: then libvirt's pid file spares a search
   */
  Optional<EmulatorProcess> find(UUID guest, Optional<String> name) throws HypervisorException {
    Optional<EmulatorProcess> filed = name.flatMap(this::filedPid).flatMap(pid -> hold(pid, guest));
    return filed.isPresent() ? filed : search(guest);
  }

  private Optional<EmulatorProcess> search(UUID guest) throws HypervisorException {
    List<EmulatorProcess> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(procDirectory, "[0-9]*")) {
      for (Path process : processes) {
        long pid = Long.parseLong(process.getFileName().toString());
        if (runs(pid, guest)) {
          hold(pid, guest).ifPresent(found::add);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      found.forEach(EmulatorProcess::close);
      throw new HypervisorException(Kind.Other, "the processes can't be listed", e);
    }
    if (found.size() > 1) {
      // To hold one of them and take its end for the guest's would be a lie.
      String pids = found.stream().map(process -> Long.toString(process.pid())).toList().toString();
      found.forEach(EmulatorProcess::close);
      throw new HypervisorException(
          Kind.Conflict, -1, "more than one process claims to be guest " + guest + ": " + pids);
    }
    return found.isEmpty() ? Optional.empty() : Optional.of(found.getFirst());
  }

  private Optional<Long> filedPid(String name) {
    try {
      return Optional.of(
          Long.parseLong(Files.readString(runDirectory.resolve(name + ".pid")).strip()));
    } catch (IOException | NumberFormatException e) {
      // Not there, or half written: the search finds the process as well.
      return Optional.empty();
    }
  }

  /** Opens the pidfd, and looks at the command line again: the number may have been re-used. */
  private Optional<EmulatorProcess> hold(long pid, UUID guest) {
    if (!runs(pid, guest)) {
      return Optional.empty();
    }
    Optional<PidfdProcess> process = PidfdProcess.open(pid);
    if (process.isPresent() && !runs(pid, guest)) {
      process.get().close();
      return Optional.empty();
    }
    return process.map(EmulatorProcess.class::cast);
  }

  private boolean runs(long pid, UUID guest) {
    byte[] line;
    try {
      line = Files.readAllBytes(procDirectory.resolve(Long.toString(pid)).resolve("cmdline"));
    } catch (IOException | UncheckedIOException e) {
      return false; // gone meanwhile
    }
    List<String> arguments = List.of(new String(line, StandardCharsets.UTF_8).split("\0", -1));
    int option = arguments.indexOf("-uuid");
    return option >= 0
        && option + 1 < arguments.size()
        && arguments.get(option + 1).equals(guest.toString());
  }
}
