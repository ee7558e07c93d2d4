package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class NativeCallsTest {
  private final NativeCalls calls = new NativeCalls();

  @AfterEach
  void close() {
    calls.close();
  }

  @Test
  void aResultComesBackFromAPlatformThread() throws Exception {
    CompletableFuture<Boolean> onPlatform = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                onPlatform.complete(
                    calls.run(
                        "x", Duration.ofSeconds(5), () -> !Thread.currentThread().isVirtual()));
              } catch (HypervisorException e) {
                onPlatform.completeExceptionally(e);
              }
            });

    assertThat(onPlatform.get(5, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void anErrorComesBackAsItIs() {
    HypervisorException told = new HypervisorException(Kind.Conflict, 55, "no job");

    assertThatThrownBy(
            () ->
                calls.run(
                    "x",
                    Duration.ofSeconds(5),
                    () -> {
                      throw told;
                    }))
        .isSameAs(told);
  }

  @Test
  void aMissingLibraryIsAnUnavailableHypervisor() {
    assertThatThrownBy(
            () ->
                calls.run(
                    "x",
                    Duration.ofSeconds(5),
                    () -> {
                      throw new UnsatisfiedLinkError("libvirt.so.0");
                    }))
        .isInstanceOfSatisfying(
            HypervisorException.class, e -> assertThat(e.kind()).isEqualTo(Kind.Unavailable));
  }

  @Test
  void anOverdueCallIsLeftAndItsLateResultHandedOver() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    CompletableFuture<String> late = new CompletableFuture<>();
    long before = System.nanoTime();

    assertThatThrownBy(
            () ->
                calls.run(
                    "x",
                    Duration.ofMillis(100),
                    () -> {
                      awaitQuietly(answer);
                      return "late";
                    },
                    late::complete))
        .isInstanceOfSatisfying(
            HypervisorException.class, e -> assertThat(e.kind()).isEqualTo(Kind.Timeout));

    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(2));
    assertThat(late).isNotDone();
    answer.countDown();
    assertThat(late.get(5, TimeUnit.SECONDS)).isEqualTo("late");
  }

  @Test
  void nothingIsTakenAfterTheEnd() {
    calls.close();

    assertThatThrownBy(() -> calls.run("x", Duration.ofSeconds(1), () -> 1))
        .isInstanceOfSatisfying(
            HypervisorException.class, e -> assertThat(e.kind()).isEqualTo(Kind.Unavailable));
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
