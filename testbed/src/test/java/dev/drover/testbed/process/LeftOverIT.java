package dev.drover.testbed.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a JVM that is killed leaves, the next one removes. */
@Tag("e2e")
class LeftOverIT {

  private static final String NAME = "left-over-test";
  private static final String LINK = "drover-lo-test";

  @Test
  void theNextRunRemovesWhatAKilledOneLeft() throws IOException, InterruptedException {
    Process holder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    ProcessMark service = ProcessMark.parse(holder.inputReader().readLine()).orElseThrow();
    assertThatThrownBy(() -> StateDirectory.open(NAME))
        .hasMessageContaining("another process has the testbed");

    holder.destroyForcibly().waitFor();
    assertThat(service.alive()).isTrue();
    assertThat(Path.of("/sys/class/net", LINK)).exists();
    StateDirectory state = StateDirectory.open(NAME);

    assertThat(service.alive()).isFalse();
    assertThat(Path.of("/sys/class/net", LINK)).doesNotExist();
    assertThat(state.data()).isEmptyDirectory();
    state.close();
    assertThat(state.data()).doesNotExist();
  }

  /** The JVM that is killed. */
  static final class Holder {

    private Holder() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
      StateDirectory state = StateDirectory.open(NAME);
      state.noteLink(LINK);
      Command.of("ip", "link", "add", LINK, "type", "bridge").output();
      Files.writeString(state.data().resolve("something"), "left");
      var service = new Service("sleeper", state, List.of("sleep", "3600"), Map.of());
      service.start();
      // A process that is stopped must go, too.
      service.pause();
      System.out.println(ProcessMark.of(service.pid().orElseThrow()).orElseThrow());
      new CountDownLatch(1).await();
    }
  }
}
