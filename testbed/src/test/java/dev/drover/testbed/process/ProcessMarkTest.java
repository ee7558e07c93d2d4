package dev.drover.testbed.process;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProcessMarkTest {

  @Test
  void aLivingProcessIsAlive() {
    var self = ProcessMark.of(ProcessHandle.current().pid()).orElseThrow();

    assertThat(self.alive()).isTrue();
    assertThat(ProcessMark.parse(self.toString())).contains(self);
  }

  @Test
  void aLaterProcessWithTheSameNumberIsAnother() {
    var self = ProcessMark.of(ProcessHandle.current().pid()).orElseThrow();

    assertThat(new ProcessMark(self.pid(), self.startTicks() - 1).alive()).isFalse();
  }

  @Test
  void aProcessThatIsGoneHasNoMark() {
    assertThat(ProcessMark.of(Long.MAX_VALUE)).isEmpty();
  }
}
