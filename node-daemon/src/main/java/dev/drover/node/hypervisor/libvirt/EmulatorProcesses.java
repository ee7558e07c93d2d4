package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds the process that runs a guest: the one with {@code -uuid <uuid>} on its command line. Needs
 * the host's process namespace, and no libvirt.
 *
 * <p>INVARIANT: a guest may be resumed elsewhere because nothing was found here. So a process
 * counts as gone only if the kernel has no such number, or has it as a zombie without another
 * thread. What can't be looked at makes the search fail.
 */
final class EmulatorProcesses {
  /** How long a nameless emulator may take to end, or to get its command line. */
  private static final Duration GRACE = Duration.ofMillis(500);

  private static final Duration PAUSE = Duration.ofMillis(20);

  /** Every emulator's {@code comm} begins so: {@code qemu-system-x86}, {@code qemu-kvm}. */
  private static final String EMULATOR = "qemu";

  private final Path runDirectory;
  private final Path procDirectory;

  EmulatorProcesses(Path runDirectory, Path procDirectory) {
    this.runDirectory = runDirectory;
    this.procDirectory = procDirectory;
  }

  /** What is behind a process's number, as seen from one guest. */
  private enum Sight {
    /** Nothing that could run: no such process, or all of its threads are dead. */
    Gone,
    /** The guest's command line, if only at a thread that outlives the first one. */
    Guest,
    /** Another command line, or a kernel thread. */
    Foreign,
    /** No command line, but not dead: all its threads are exiting (or it is within exec). */
    Nameless,
    /** The same, and an emulator by its name. */
    NamelessEmulator
  }

  private static final Set<Sight> THE_GUEST = EnumSet.of(Sight.Guest);
  private static final Set<Sight> NAMELESS = EnumSet.of(Sight.Nameless, Sight.NamelessEmulator);
  private static final Set<Sight> GUEST_OR_NAMELESS =
      EnumSet.of(Sight.Guest, Sight.Nameless, Sight.NamelessEmulator);

  /**
   * A handle on the guest's process, which may be exiting already. Empty only if neither the
   * process of libvirt's pid file nor any process with the guest's UUID on its command line exists,
   * and libvirt does not say otherwise. Throws if that can't be told, among others
   *
   * <ul>
   *   <li>if a process, or the pid file, can't be read;
   *   <li>if an emulator that has no command line any more does not end, whosoever it is;
   *   <li>if the domain is active, and still there is no process: kind {@code Conflict}.
   * </ul>
   *
   * @param domain what libvirt says, if it was asked; it names the pid file, too
   */
  Optional<EmulatorProcess> find(UUID guest, Optional<DomainState> domain)
      throws HypervisorException {
    @Nullable Exception unread = null;
    if (domain.isPresent()) {
      try {
        Optional<Long> pid = filedPid(domain.get().name());
        if (pid.isPresent()) {
          Optional<EmulatorProcess> filed = hold(pid.get(), guest, GUEST_OR_NAMELESS);
          if (filed.isPresent()) {
            return filed;
          }
        }
      } catch (IOException | NumberFormatException e) {
        // Half written, perhaps: the search finds the process as well.
        unread = e;
      }
    }
    Optional<EmulatorProcess> found = search(guest);
    if (found.isPresent()) {
      return found;
    }
    if (unread != null) {
      throw new HypervisorException(
          Kind.Other, "the pid file of guest " + guest + " can't be read", unread);
    }
    // Not isActive(): there is a process in every state but this one.
    if (domain.isPresent() && domain.get().run() != DomainState.Run.ShutOff) {
      throw new HypervisorException(
          Kind.Conflict,
          -1,
          "libvirt says that guest " + guest + " is active, but its process is not to be found");
    }
    return Optional.empty();
  }

  private Optional<EmulatorProcess> search(UUID guest) throws HypervisorException {
    List<EmulatorProcess> found = new ArrayList<>();
    boolean one = false;
    try {
      List<Long> nameless = new ArrayList<>();
      for (long pid : pids()) {
        switch (look(pid, guest)) {
          case Guest -> hold(pid, guest, THE_GUEST).ifPresent(found::add);
          case NamelessEmulator -> nameless.add(pid);
          case Gone, Foreign, Nameless -> {}
        }
      }
      if (found.isEmpty()) {
        for (long pid : nameless) {
          settle(pid, guest).ifPresent(found::add);
        }
      }
      if (found.size() > 1) {
        // To hold one of them and take its end for the guest's would be a lie.
        List<Long> pids = found.stream().map(EmulatorProcess::pid).toList();
        throw new HypervisorException(
            Kind.Conflict, -1, "more than one process claims to be guest " + guest + ": " + pids);
      }
      one = true;
      return found.stream().findFirst();
    } finally {
      if (!one) {
        found.forEach(EmulatorProcess::close);
      }
    }
  }

  private List<Long> pids() throws HypervisorException {
    List<Long> pids = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(procDirectory, "[0-9]*")) {
      for (Path process : processes) {
        pids.add(Long.parseLong(process.getFileName().toString()));
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw new HypervisorException(Kind.Other, "the processes can't be listed", e);
    }
    if (pids.isEmpty()) {
      throw new HypervisorException(
          Kind.Other, -1, "no processes in " + procDirectory + ": nothing is mounted there");
    }
    return pids;
  }

  /** Waits until it can be told whose process it is, or it is gone; throws if that takes long. */
  private Optional<EmulatorProcess> settle(long pid, UUID guest) throws HypervisorException {
    long end = System.nanoTime() + GRACE.toNanos();
    while (true) {
      Sight sight = look(pid, guest);
      if (!NAMELESS.contains(sight)) {
        return sight == Sight.Guest ? hold(pid, guest, THE_GUEST) : Optional.empty();
      }
      if (System.nanoTime() - end >= 0) {
        throw new HypervisorException(
            Kind.Other, -1, "the emulator " + pid + " is ending, and may be that of " + guest);
      }
      try {
        TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new HypervisorException(Kind.Other, "the search was interrupted", e);
      }
    }
  }

  /** Empty if there is no pid file. */
  private Optional<Long> filedPid(String name) throws IOException {
    try {
      return Optional.of(
          Long.parseLong(Files.readString(runDirectory.resolve(name + ".pid")).strip()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * Opens the pidfd if the process looks as wanted, and looks again: the number may have been
   * re-used. By then it may have begun to exit.
   */
  private Optional<EmulatorProcess> hold(long pid, UUID guest, Set<Sight> wanted)
      throws HypervisorException {
    if (!wanted.contains(look(pid, guest))) {
      return Optional.empty();
    }
    Optional<PidfdProcess> process;
    try {
      process = PidfdProcess.open(pid);
    } catch (IllegalStateException e) {
      throw new HypervisorException(Kind.Other, "process " + pid + " can't be held", e);
    }
    if (process.isEmpty()) {
      return Optional.empty();
    }
    boolean same = false;
    try {
      same = GUEST_OR_NAMELESS.contains(look(pid, guest));
    } finally {
      if (!same) {
        process.get().close();
      }
    }
    return same ? Optional.of(process.get()) : Optional.empty();
  }

  private Sight look(long pid, UUID guest) throws HypervisorException {
    Path process = procDirectory.resolve(Long.toString(pid));
    try {
      byte[] line = Files.readAllBytes(process.resolve("cmdline"));
      return line.length > 0 ? ofCommandLine(line, guest) : ofThreads(process, guest);
    } catch (IOException | DirectoryIteratorException e) {
      if (isMissing(process)) {
        return Sight.Gone;
      }
      throw new HypervisorException(Kind.Other, "process " + pid + " can't be looked at", e);
    }
  }

  /**
   * Of a process whose first thread has no command line: it has given its memory back, as a zombie
   * or on the way there. Another thread may still have it, and run.
   */
  private static Sight ofThreads(Path process, UUID guest) throws IOException {
    ProcessStat stat = ProcessStat.read(process);
    if (stat.isKernelThread()) {
      return Sight.Foreign;
    }
    int threads = 0;
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(process.resolve("task"))) {
      for (Path task : tasks) {
        threads++;
        byte[] line = threadCommandLine(task);
        if (line.length > 0) {
          return ofCommandLine(line, guest);
        }
      }
    }
    if (stat.isDead() && threads <= 1) {
      return Sight.Gone;
    }
    return stat.name().startsWith(EMULATOR) ? Sight.NamelessEmulator : Sight.Nameless;
  }

  private static byte[] threadCommandLine(Path task) throws IOException {
    try {
      return Files.readAllBytes(task.resolve("cmdline"));
    } catch (IOException e) {
      if (isMissing(task)) {
        return new byte[0]; // ended meanwhile
      }
      throw e;
    }
  }

  private static Sight ofCommandLine(byte[] line, UUID guest) {
    List<String> arguments = List.of(new String(line, StandardCharsets.UTF_8).split("\0", -1));
    int option = arguments.indexOf("-uuid");
    boolean claims =
        option >= 0
            && option + 1 < arguments.size()
            && arguments.get(option + 1).equals(guest.toString());
    return claims ? Sight.Guest : Sight.Foreign;
  }

  /**
   * Whether the kernel has no such process (any more). To be asked after a failure: a file of a
   * process that ends while it is read fails with ESRCH, which Java does not tell.
   */
  private static boolean isMissing(Path process) {
    try {
      Files.readAttributes(process, BasicFileAttributes.class);
      return false;
    } catch (NoSuchFileException e) {
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** {@code /proc/<pid>/stat}: the number, the name in brackets, the state, and more; proc(5). */
  private record ProcessStat(String name, String state, long flags) {
    /** Counted from the state. */
    private static final int FLAGS = 6;

    private static final long KERNEL_THREAD = 0x0020_0000;

    static ProcessStat read(Path process) throws IOException {
      // The name may hold anything, brackets and half a character included.
      String text = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
      int open = text.indexOf('(');
      int close = text.lastIndexOf(')');
      try {
        String[] fields = text.substring(close + 1).strip().split(" ");
        return new ProcessStat(
            text.substring(open + 1, close), fields[0], Long.parseLong(fields[FLAGS]));
      } catch (IndexOutOfBoundsException | NumberFormatException e) {
        throw new IOException("not understood: " + text, e);
      }
    }

    boolean isDead() {
      return state.equals("Z") || state.equals("X");
    }

    boolean isKernelThread() {
      return (flags & KERNEL_THREAD) != 0;
    }
  }
}
