package dev.drover.operator.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.StatusBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import org.junit.jupiter.api.Test;

class ApiServerWaitTest {

  /** Runs it against answers in turn, 0: none; returns how many were not needed. */
  private static int leftAfter(Integer... codes) throws InterruptedException {
    var answers = new ArrayDeque<>(List.of(codes));
    ApiServerWait.until(
        () -> {
          int code = answers.removeFirst();
          if (code != 200) {
            throw new KubernetesClientException(
                "no", code, new StatusBuilder().withCode(code).build());
          }
        },
        Duration.ofMillis(1));
    return answers.size();
  }

  @Test
  void anApiServerThatIsThereIsNotWaitedFor() throws Exception {
    assertThat(leftAfter(200, 200)).isEqualTo(1);
  }

  @Test
  void oneThatIsAwayOrHasNoDatabaseIs() throws Exception {
    assertThat(leftAfter(0, 0, 500, 503, 200, 200)).isEqualTo(1);
  }

  @Test
  void oneThatRefusesTheQuestionIsThere() throws Exception {
    assertThat(leftAfter(0, 403, 200)).isEqualTo(1);
  }

  @Test
  void whatIsNotTheApiServersIsNotWaitedOut() {
    assertThatThrownBy(
            () ->
                ApiServerWait.until(
                    () -> {
                      throw new IllegalStateException("a bug");
                    }))
        .hasMessage("a bug");
  }
}
