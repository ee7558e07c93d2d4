package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** With real processes that pose as emulators; only libc is needed. */
@Timeout(30)
class EmulatorProcessesTest {
  private final List<Process> started = new ArrayList<>();

  @TempDir private Path runDirectory;

  /** Stands for /proc, with the numbers of real processes: a pidfd knows no other place. */
  @TempDir private Path fakeProc;

  @AfterEach
  void endAll() {
    started.forEach(Process::destroyForcibly);
  }

  @Test
  void findsAProcessByItsGuest() throws Exception {
    UUID guest = UUID.randomUUID();
    Process process = emulator(guest);
    emulator(UUID.randomUUID());

    try (EmulatorProcess found = processes().find(guest, Optional.empty()).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(process.pid());
    }
  }

  @Test
  void usesThePidFile() throws Exception {
    UUID guest = UUID.randomUUID();
    Process process = emulator(guest);
    emulator(guest);
    Files.writeString(runDirectory.resolve("g1.pid"), process.pid() + "\n");

    try (EmulatorProcess found =
        processes().find(guest, domain(guest, Run.Running)).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(process.pid());
    }
  }

  @Test
  void doesNotBelieveAStalePidFile() throws Exception {
    UUID guest = UUID.randomUUID();
    Process process = emulator(guest);
    Process other = emulator(UUID.randomUUID());
    Files.writeString(runDirectory.resolve("g1.pid"), Long.toString(other.pid()));

    try (EmulatorProcess found =
        processes().find(guest, domain(guest, Run.Running)).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(process.pid());
    }
  }

  @Test
  void refusesToChooseBetweenTwo() throws Exception {
    UUID guest = UUID.randomUUID();
    emulator(guest);
    emulator(guest);

    assertThatThrownBy(() -> processes().find(guest, Optional.empty()))
        .isInstanceOf(HypervisorException.class)
        .extracting(e -> ((HypervisorException) e).kind())
        .isEqualTo(HypervisorException.Kind.Conflict);
  }

  @Test
  void findsNothingWhereNothingIs() throws Exception {
    UUID guest = UUID.randomUUID();

    assertThat(processes().find(guest, domain(guest, Run.ShutOff))).isEmpty();
    assertThat(processes().find(guest, Optional.empty())).isEmpty();
  }

  @Test
  void wakesWhenTheProcessEnds() throws Exception {
    UUID guest = UUID.randomUUID();
    Process process = emulator(guest);

    try (EmulatorProcess found = processes().find(guest, Optional.empty()).orElseThrow()) {
      assertThat(found.awaitExit(Duration.ZERO)).isFalse();
      assertThat(found.awaitExit(Duration.ofMillis(50))).isFalse();
      CompletableFuture<Boolean> exit =
          CompletableFuture.supplyAsync(() -> found.awaitExit(Duration.ofSeconds(20)));
      TimeUnit.MILLISECONDS.sleep(300);
      process.destroyForcibly();

      assertThat(exit.get(1, TimeUnit.SECONDS)).isTrue();
      process.waitFor();
      assertThat(found.awaitExit(Duration.ZERO)).as("asked again").isTrue();
    }
    assertThat(processes().find(guest, Optional.empty())).isEmpty();
  }

  @Test
  void anInterruptEndsTheWait() throws Exception {
    UUID guest = UUID.randomUUID();
    emulator(guest);

    try (EmulatorProcess found = processes().find(guest, Optional.empty()).orElseThrow()) {
      CompletableFuture<Boolean> flag = new CompletableFuture<>();
      Thread waiter =
          Thread.ofPlatform()
              .start(
                  () -> {
                    boolean gone = found.awaitExit(Duration.ofSeconds(20));
                    flag.complete(!gone && Thread.currentThread().isInterrupted());
                  });
      waiter.interrupt();

      assertThat(flag.get(2, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void aClosedHandleCanNotBeAsked() throws Exception {
    UUID guest = UUID.randomUUID();
    emulator(guest);
    EmulatorProcess found = processes().find(guest, Optional.empty()).orElseThrow();

    found.close();
    found.close();

    assertThatThrownBy(() -> found.awaitExit(Duration.ZERO))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void noHandleOnAProcessThatIsNotThere() throws Exception {
    Process process = emulator(UUID.randomUUID());
    process.destroyForcibly().waitFor();

    assertThat(PidfdProcess.open(process.pid())).isEmpty();
  }

  @Test
  void descriptorsGoBack() throws Exception {
    UUID guest = UUID.randomUUID();
    emulator(guest);
    processes().find(guest, Optional.empty()).orElseThrow().close();
    long before = descriptors();

    for (int i = 0; i < 50; i++) {
      processes().find(guest, Optional.empty()).orElseThrow().close();
    }

    assertThat(descriptors()).isLessThanOrEqualTo(before + 2);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "ShutOff")
  void doesNotContradictLibvirt(Run run) {
    UUID guest = UUID.randomUUID();

    assertThatThrownBy(() -> processes().find(guest, domain(guest, run)))
        .isInstanceOfSatisfying(
            HypervisorException.class, e -> assertThat(e.kind()).isEqualTo(Kind.Conflict));
  }

  @Test
  void holdsAnExitingProcessThatThePidFileNames() throws Exception {
    UUID guest = UUID.randomUUID();
    long pid = fakeProcess("sh", "R", 0, List.of(""));
    filePid(Long.toString(pid));

    try (EmulatorProcess found = held(guest)) {
      assertThat(found.pid()).isEqualTo(pid);
      assertThat(found.awaitExit(Duration.ZERO)).isFalse();
      started.getLast().destroyForcibly();
      assertThat(found.awaitExit(Duration.ofSeconds(10))).isTrue();
    }
  }

  @Test
  void holdsAZombieWithLiveThreadsThatThePidFileNames() throws Exception {
    UUID guest = UUID.randomUUID();
    long pid = fakeProcess("sh", "Z", 0, List.of("", ""));
    filePid(Long.toString(pid));

    try (EmulatorProcess found = held(guest)) {
      assertThat(found.pid()).isEqualTo(pid);
    }
  }

  @Test
  void findsAZombieByTheCommandLineOfItsThreads() throws Exception {
    UUID guest = UUID.randomUUID();
    long pid = fakeProcess("sh", "Z", 0, List.of("", "qemu\0-uuid\0" + guest + "\0"));
    fakeProcess("sh", "Z", 0, List.of("", "qemu\0-uuid\0" + UUID.randomUUID() + "\0"));

    try (EmulatorProcess found = fake().find(guest, Optional.empty()).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(pid);
    }
  }

  @Test
  void aZombieWithoutThreadsIsGone() throws Exception {
    UUID guest = UUID.randomUUID();
    Process parent = new ProcessBuilder("sh", "-c", "sleep 0 & echo $!; exec sleep 60").start();
    started.add(parent);
    String pid = parent.inputReader().readLine();
    Path stat = Path.of("/proc", pid, "stat");
    while (!Files.readString(stat).contains(") Z ")) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    filePid(pid);

    assertThat(processes().find(guest, domain(guest, Run.ShutOff))).isEmpty();
    assertThat(Files.readString(stat)).as("still there").contains(") Z ");
  }

  @Test
  void aKernelThreadIsNoGuest() throws Exception {
    UUID guest = UUID.randomUUID();
    filePid(Long.toString(fakeProcess("kworker/0:1", "I", 0x0420_8060, List.of(""))));

    assertThat(fake().find(guest, domain(guest, Run.ShutOff))).isEmpty();
  }

  @Test
  void aNamelessProcessThatIsNoEmulatorIsNotWaitedFor() throws Exception {
    fakeProcess("a) b (c", "D", 0, List.of(""));

    assertThat(fake().find(UUID.randomUUID(), Optional.empty())).isEmpty();
  }

  @Test
  void anEmulatorThatDoesNotEndLeavesItOpen() throws Exception {
    UUID guest = UUID.randomUUID();
    fakeProcess("qemu-system-x86", "D", 0, List.of(""));

    assertUntold(() -> fake().find(guest, Optional.empty()));
  }

  @Test
  void anEmulatorThatDoesNotEndIsNoneIfTheGuestIsFound() throws Exception {
    UUID guest = UUID.randomUUID();
    fakeProcess("qemu-system-x86", "D", 0, List.of(""));
    long pid = fakeProcess("qemu-kvm", "S", 0, List.of("qemu\0-uuid\0" + guest + "\0"));

    try (EmulatorProcess found = fake().find(guest, Optional.empty()).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(pid);
    }
  }

  @Test
  void anEmulatorThatEndsMeanwhileIsGone() throws Exception {
    long pid = fakeProcess("qemu-system-x86", "R", 0, List.of(""));
    CompletableFuture<Void> end =
        CompletableFuture.runAsync(
            () -> writeStat(pid, "qemu-system-x86", "Z", 0),
            CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS));

    assertThat(fake().find(UUID.randomUUID(), Optional.empty())).isEmpty();
    end.get();
  }

  @Test
  void anEmulatorThatGetsItsCommandLineMeanwhileIsFound() throws Exception {
    UUID guest = UUID.randomUUID();
    long pid = fakeProcess("qemu-system-x86", "R", 0, List.of(""));
    Path line = fakeProc.resolve(pid + "/cmdline");
    CompletableFuture<Void> exec =
        CompletableFuture.runAsync(
            () -> write(line, "qemu\0-uuid\0" + guest + "\0"),
            CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS));

    try (EmulatorProcess found = fake().find(guest, Optional.empty()).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(pid);
    }
    exec.get();
  }

  @Test
  void aProcessThatCanNotBeReadLeavesItOpen() throws Exception {
    UUID guest = UUID.randomUUID();
    long pid = fakeProcess("qemu-kvm", "S", 0, List.of(""));
    Path line = fakeProc.resolve(pid + "/cmdline");
    Files.delete(line);
    assertUntold(() -> fake().find(guest, Optional.empty()));

    Files.createDirectory(line); // reading it fails, and not for want of a file

    assertUntold(() -> fake().find(guest, Optional.empty()));
    filePid(Long.toString(pid));
    assertUntold(() -> fake().find(guest, domain(guest, Run.ShutOff)));
  }

  @Test
  void whatIsNoProcDirectoryLeavesItOpen() {
    assertUntold(() -> fake().find(UUID.randomUUID(), Optional.empty()));
  }

  @Test
  void aPidFileThatCanNotBeReadLeavesItOpenUnlessTheSearchFinds() throws Exception {
    UUID guest = UUID.randomUUID();
    filePid("");
    assertUntold(() -> processes().find(guest, domain(guest, Run.ShutOff)));

    Process process = emulator(guest);

    try (EmulatorProcess found =
        processes().find(guest, domain(guest, Run.Running)).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(process.pid());
    }
  }

  @Test
  void aPidFileOfAProcessThatIsGoneSaysNothing() throws Exception {
    UUID guest = UUID.randomUUID();
    Process process = emulator(guest);
    process.destroyForcibly().waitFor();
    filePid(Long.toString(process.pid()));

    assertThat(processes().find(guest, domain(guest, Run.ShutOff))).isEmpty();
  }

  private EmulatorProcess held(UUID guest) throws HypervisorException {
    return fake().find(guest, domain(guest, Run.ShutOff)).orElseThrow();
  }

  private static void assertUntold(ThrowingCallable search) {
    assertThatThrownBy(search)
        .isInstanceOfSatisfying(
            HypervisorException.class, e -> assertThat(e.kind()).isEqualTo(Kind.Other));
  }

  private static Optional<DomainState> domain(UUID guest, Run run) {
    return Optional.of(new DomainState(guest, "g1", run, "booted", true, 1L << 30, 1, null));
  }

  private void filePid(String content) throws IOException {
    Files.writeString(runDirectory.resolve("g1.pid"), content);
  }

  /** The threads' command lines, the first one's first. */
  private long fakeProcess(String name, String state, int flags, List<String> commandLines)
      throws IOException {
    Process process = new ProcessBuilder("sleep", "60").start();
    started.add(process);
    long pid = process.pid();
    Path directory = fakeProc.resolve(Long.toString(pid));
    for (int i = 0; i < commandLines.size(); i++) {
      Path task = directory.resolve("task").resolve(Long.toString(pid + i));
      Files.createDirectories(task);
      write(task.resolve("cmdline"), commandLines.get(i));
    }
    write(directory.resolve("cmdline"), commandLines.getFirst());
    writeStat(pid, name, state, flags);
    return pid;
  }

  private void writeStat(long pid, String name, String state, int flags) {
    // At once, as the kernel does: a reader sees the old one or the new one.
    Path stat = fakeProc.resolve(pid + "/stat");
    Path fresh = fakeProc.resolve(pid + "/stat.new");
    write(fresh, pid + " (" + name + ") " + state + " 1 1 1 0 -1 " + flags + " 0 0\n");
    try {
      Files.move(fresh, stat, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(Path file, String content) {
    try {
      Files.writeString(file, content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private EmulatorProcesses fake() {
    return new EmulatorProcesses(runDirectory, fakeProc);
  }

  private EmulatorProcesses processes() {
    return new EmulatorProcesses(runDirectory, Path.of("/proc"));
  }

  /** A shell's arguments after the script's name are anything one likes. */
  private Process emulator(UUID guest) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                // It waits for input, without a child: a fork would have its command line until
                // exec.
                "sh", "-c", "read line; :", "qemu", "-name", "guest=x", "-uuid", guest.toString())
            .start();
    started.add(process);
    // Until exec the child still has this JVM's command line.
    Path line = Path.of("/proc/" + process.pid() + "/cmdline");
    while (!Files.readString(line).contains(guest.toString())) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    return process;
  }

  private static long descriptors() throws IOException {
    try (var all = Files.list(Path.of("/proc/self/fd"))) {
      return all.count();
    }
  }
}
