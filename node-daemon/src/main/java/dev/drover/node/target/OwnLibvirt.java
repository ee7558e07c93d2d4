package dev.drover.node.target;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks this host's libvirt for a guest without waiting for long, and knows since when it has been
 * silent. Not called concurrently for one guest.
 */
final class OwnLibvirt {
  private static final Duration WAIT_FOR_ANSWER = Duration.ofMillis(300);

  private final Hypervisor hypervisor;
  private final InstantSource clock;
  private final Map<UUID, CompletableFuture<Answer>> asked = new ConcurrentHashMap<>();
  private final Map<UUID, Instant> silentSince = new ConcurrentHashMap<>();
  private final Map<UUID, Instant> awaySince = new ConcurrentHashMap<>();

  OwnLibvirt(Hypervisor hypervisor, InstantSource clock) {
    this.hypervisor = hypervisor;
    this.clock = clock;
  }

  /** What came of a question. */
  sealed interface Answer {
    /** The domain, if there is one. */
    record Says(Optional<DomainState> domain) implements Answer {}

    /** It is not there, or refuses to answer, for that long. */
    record Away(String because, Duration lasts) implements Answer {}

    /** It is there, and has said nothing for that long. */
    record Silent(Duration lasts) implements Answer {}
  }

  /** Returns within some 300 ms. An answer is never older than this call. */
  Answer ask(UUID uuid) {
    var before = asked.get(uuid);
    if (before != null && before.isDone()) {
      asked.remove(uuid);
      if (!(before.resultNow() instanceof Answer.Silent)) {
        silentSince.remove(uuid); // it was late, and what it said may be old
      }
    }
    var since = silentSince.computeIfAbsent(uuid, _ -> clock.instant());
    var question = asked.computeIfAbsent(uuid, this::begin);
    try {
      var answer = question.get(WAIT_FOR_ANSWER.toMillis(), TimeUnit.MILLISECONDS);
      asked.remove(uuid);
      if (!(answer instanceof Answer.Silent)) {
        silentSince.remove(uuid);
        return since(uuid, answer);
      }
    } catch (TimeoutException e) {
      // It is not asked again before that is answered or given up.
    } catch (ExecutionException e) {
      throw new IllegalStateException("an answer is never an exception", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return new Answer.Silent(Duration.between(since, clock.instant()));
  }

  private Answer since(UUID uuid, Answer answer) {
    if (answer instanceof Answer.Away(var because, _)) {
      var now = clock.instant();
      var since = awaySince.computeIfAbsent(uuid, _ -> now);
      return new Answer.Away(because, Duration.between(since, now));
    }
    awaySince.remove(uuid);
    return answer;
  }

  void forget(UUID uuid) {
    asked.remove(uuid);
    silentSince.remove(uuid);
    awaySince.remove(uuid);
  }

  private CompletableFuture<Answer> begin(UUID uuid) {
    var answer = new CompletableFuture<Answer>();
    // A platform thread: libvirt's calls hold the one they are made by. One for each guest at most.
    Thread.ofPlatform()
        .name("ask-libvirt-" + uuid)
        .daemon(true)
        .start(() -> answer.complete(answer(uuid)));
    return answer;
  }

  private Answer answer(UUID uuid) {
    try {
      return new Answer.Says(hypervisor.domain(uuid));
    } catch (HypervisorException e) {
      return e.kind() == Kind.Timeout
          ? new Answer.Silent(Duration.ZERO)
          : new Answer.Away(String.valueOf(e.getMessage()), Duration.ZERO);
    } catch (RuntimeException e) {
      // Else nobody would ever be told.
      return new Answer.Away(String.valueOf(e), Duration.ZERO);
    }
  }
}
