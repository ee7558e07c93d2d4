package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.time.Duration;
import java.util.List;
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
  void aCallThatIsNotWantedAnyMoreIsLeftSoonAndItsLateResultHandedOver() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    CompletableFuture<String> late = new CompletableFuture<>();
    long before = System.nanoTime();

    assertThatThrownBy(
            () ->
                calls.runWhile(
                    () -> System.nanoTime() - before < 300_000_000,
                    "x",
                    Duration.ofSeconds(20),
                    () -> {
                      awaitQuietly(answer);
                      return "late";
                    },
                    late::complete))
        .isInstanceOfSatisfying(
            HypervisorException.class, e -> assertThat(e.kind()).isEqualTo(Kind.Aborted));
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));

    answer.countDown();
    assertThat(late.get(5, TimeUnit.SECONDS)).isEqualTo("late");
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

  @Test
  void aCallThatCommitsItselfInTimeIsAsAnyOther() throws Exception {
    assertThat(
            calls.<String>runCommitting(
                "x",
                Duration.ofSeconds(5),
                commitment -> {
                  commitment.requireWanted();
                  commitment.commit();
                  return "started";
                }))
        .isEqualTo("started");
  }

  @Test
  void afterATimeoutACallCanNotCommitItself() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    CompletableFuture<List<Boolean>> allowed = new CompletableFuture<>();

    assertThatThrownBy(
            () ->
                calls.runCommitting(
                    "x",
                    Duration.ofMillis(50),
                    commitment -> {
                      awaitQuietly(answer);
                      allowed.complete(
                          List.of(passes(commitment::requireWanted), passes(commitment::commit)));
                      return 1;
                    }))
        .isInstanceOfSatisfying(
            HypervisorException.class, e -> assertThat(e.kind()).isEqualTo(Kind.Timeout));

    answer.countDown();
    assertThat(allowed.get(5, TimeUnit.SECONDS)).containsExactly(false, false);
  }

  @Test
  void aCallThatHasCommittedItselfIsWaitedFor() throws Exception {
    assertThat(
            calls.<String>runCommitting(
                "x",
                Duration.ofMillis(50),
                commitment -> {
                  commitment.commit();
                  awaitQuietly(300);
                  return "started";
                }))
        .isEqualTo("started");
  }

  @Test
  void aCallThatHasCommittedItselfTellsItsFailure() {
    HypervisorException told = new HypervisorException(Kind.Other, -1, "no thread");

    assertThatThrownBy(
            () ->
                calls.runCommitting(
                    "x",
                    Duration.ofMillis(50),
                    commitment -> {
                      commitment.commit();
                      awaitQuietly(300);
                      throw told;
                    }))
        .isSameAs(told);
  }

  @Test
  void anInterruptDoesNotAbandonACallThatHasCommittedItself() throws Exception {
    CountDownLatch committed = new CountDownLatch(1);
    CountDownLatch answer = new CountDownLatch(1);
    CompletableFuture<String> result = new CompletableFuture<>();
    Thread caller =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    String started =
                        calls.runCommitting(
                            "x",
                            Duration.ofSeconds(20),
                            commitment -> {
                              commitment.commit();
                              committed.countDown();
                              awaitQuietly(answer);
                              return "started";
                            });
                    result.complete(started + " " + Thread.currentThread().isInterrupted());
                  } catch (HypervisorException e) {
                    result.completeExceptionally(e);
                  }
                });
    committed.await();
    caller.interrupt();
    TimeUnit.MILLISECONDS.sleep(100);
    assertThat(result).isNotDone();
    answer.countDown();

    assertThat(result.get(5, TimeUnit.SECONDS)).isEqualTo("started true");
  }

  /** The deadline and the commitment as close together as can be: one wins, and both know who. */
  @Test
  void aTimeoutAndACommitmentExcludeEachOther() throws Exception {
    for (int i = 0; i < 300; i++) {
      CompletableFuture<Boolean> committed = new CompletableFuture<>();
      boolean returned;
      try {
        calls.runCommitting(
            "x",
            Duration.ofMillis(2),
            commitment -> {
              // To the microsecond, which a sleep is not.
              long end = System.nanoTime() + 2_000_000;
              while (System.nanoTime() - end < 0) {
                Thread.onSpinWait();
              }
              committed.complete(passes(commitment::commit));
              return 1;
            });
        returned = true;
      } catch (HypervisorException e) {
        assertThat(e.kind()).isEqualTo(Kind.Timeout);
        returned = false;
      }
      boolean started = committed.get(5, TimeUnit.SECONDS);
      // A call that never committed itself may have returned all the same; startTransfer's can't.
      if (started) {
        assertThat(returned).isTrue();
      }
    }
  }

  /** Something that may be refused. */
  private interface Step {
    void run() throws HypervisorException;
  }

  private static boolean passes(Step step) {
    try {
      step.run();
      return true;
    } catch (HypervisorException e) {
      return false;
    }
  }

  private static void awaitQuietly(long milliseconds) {
    try {
      TimeUnit.MILLISECONDS.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
