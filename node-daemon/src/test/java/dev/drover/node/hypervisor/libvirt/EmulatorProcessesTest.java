package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.HypervisorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** With real processes that pose as emulators; only libc is needed. */
@Timeout(30)
class EmulatorProcessesTest {
  private final List<Process> started = new ArrayList<>();

  @TempDir private Path runDirectory;

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

    try (EmulatorProcess found = processes().find(guest, Optional.of("g1")).orElseThrow()) {
      assertThat(found.pid()).isEqualTo(process.pid());
    }
  }

  @Test
  void doesNotBelieveAStalePidFile() throws Exception {
    UUID guest = UUID.randomUUID();
    Process process = emulator(guest);
    Process other = emulator(UUID.randomUUID());
    Files.writeString(runDirectory.resolve("g1.pid"), Long.toString(other.pid()));

    try (EmulatorProcess found = processes().find(guest, Optional.of("g1")).orElseThrow()) {
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
    assertThat(processes().find(UUID.randomUUID(), Optional.of("g1"))).isEmpty();
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

  private EmulatorProcesses processes() {
    return new EmulatorProcesses(runDirectory, Path.of("/proc"));
  }

  /** A shell's arguments after the script's name are anything one likes. */
  private Process emulator(UUID guest) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                "sh", "-c", "sleep 60; :", "qemu", "-name", "guest=x", "-uuid", guest.toString())
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
