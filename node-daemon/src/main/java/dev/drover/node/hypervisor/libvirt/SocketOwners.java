package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** Which process has which socket: needs the host's process namespace, and to be root there. */
final class SocketOwners {
  private static final String SOCKET = "socket:[";

  /** The daemons that hold peer-to-peer connections: monolithic, and modular. */
  private static final Set<String> LIBVIRT = Set.of("libvirtd", "virtqemud");

  private final Path procDirectory;

  SocketOwners(Path procDirectory) {
    this.procDirectory = procDirectory;
  }

  /** The sockets that a process has, by their inode. Empty if it is gone. */
  Set<Long> socketsOf(long pid) throws HypervisorException {
    Set<Long> inodes = new HashSet<>();
    Path descriptors = procDirectory.resolve(Long.toString(pid)).resolve("fd");
    try (DirectoryStream<Path> all = Files.newDirectoryStream(descriptors)) {
      for (Path descriptor : all) {
        try {
          String to = Files.readSymbolicLink(descriptor).toString();
          if (to.startsWith(SOCKET)) {
            inodes.add(Long.parseLong(to.substring(SOCKET.length(), to.length() - 1)));
          }
        } catch (NoSuchFileException e) {
          // closed meanwhile
        }
      }
      return inodes;
    } catch (NoSuchFileException e) {
      return inodes;
    } catch (IOException | DirectoryIteratorException e) {
      throw new HypervisorException(
          Kind.Unsupported, "the connections of process " + pid + " can't be looked at", e);
    }
  }

  /** The sockets that this host's libvirt daemons have. */
  Set<Long> socketsOfLibvirt() throws HypervisorException {
    Set<Long> inodes = new HashSet<>();
    for (long pid : libvirtDaemons()) {
      inodes.addAll(socketsOf(pid));
    }
    return inodes;
  }

  /** The processes of this host's libvirt daemons. */
  Set<Long> libvirtDaemons() throws HypervisorException {
    Set<Long> pids = new HashSet<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(procDirectory, "[0-9]*")) {
      for (Path process : processes) {
        try {
          if (LIBVIRT.contains(Files.readString(process.resolve("comm")).strip())) {
            pids.add(Long.parseLong(process.getFileName().toString()));
          }
        } catch (IOException e) {
          // ended meanwhile
        }
      }
      return pids;
    } catch (IOException | DirectoryIteratorException e) {
      throw new HypervisorException(Kind.Other, "the processes can't be listed", e);
    }
  }
}
