package dev.drover.node.backing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.node.backing.ImageDigests.Answer;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ImageDigestsTest {
  private final FakeHypervisor host = new FakeHypervisor(InstantSource.system());
  private final ImageDigests digests = new ImageDigests(host);

  @AfterEach
  void stop() {
    digests.close();
  }

  private Answer answer() {
    return await()
        .until(() -> digests.ask("default", "base"), answer -> !(answer instanceof Answer.Reading));
  }

  @Test
  void anImageIsReadOnceAndAgainWhenItHasChanged() throws HypervisorException {
    host.putVolume("default", "base", "abc");
    assertThat(digests.ask("default", "base")).isEqualTo(new Answer.Reading());
    var first = answer();
    assertThat(first).isInstanceOf(Answer.Known.class);
    assertThat(digests.ask("default", "base")).isEqualTo(first);
    assertThat(host.lookUps("volumeDigest")).isEqualTo(1);

    host.putVolume("default", "base", "abd");
    assertThat(answer()).isInstanceOf(Answer.Known.class).isNotEqualTo(first);
    assertThat(host.lookUps("volumeDigest")).isEqualTo(2);
  }

  @Test
  void whatCanNotBeReadIsTriedAgain() {
    host.putVolume("default", "base", "abc");
    host.fail("volumeDigest", new HypervisorException(Kind.Other, 1, "Input/output error"));
    assertThat(answer()).isEqualTo(new Answer.Unreadable("Input/output error"));
    assertThat(answer()).isInstanceOf(Answer.Known.class);
  }

  @Test
  void anImageThatIsNotThereIsNotWaitedFor() throws HypervisorException {
    assertThat(digests.ask("default", "base")).isInstanceOf(Answer.Unreadable.class);
  }

  @Test
  void patienceEnds() {
    var now = new Instant[] {Instant.EPOCH};
    var patience = new Patience(Duration.ofSeconds(20), () -> now[0]);
    assertThat(patience.has("a")).isTrue();
    now[0] = now[0].plusSeconds(19);
    assertThat(patience.has("a")).isTrue();
    assertThat(patience.has("b")).isTrue();
    now[0] = now[0].plusSeconds(1);
    assertThat(patience.has("a")).isFalse();
    patience.forget("a");
    assertThat(patience.has("a")).isTrue();
  }
}
