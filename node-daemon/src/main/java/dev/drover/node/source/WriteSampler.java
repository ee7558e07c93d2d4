package dev.drover.node.source;

import dev.drover.node.forecast.MemoryWrites;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Finds out how a guest writes to its memory, by one sampling or by two. Each step returns at once;
 * the samplings go on in QEMU. Used by one thread at a time; what is known can be asked by any.
 */
final class WriteSampler {
  private static final Duration LOOK_AGAIN = Duration.ofMillis(200);
  private static final Duration GIVE_UP_AFTER = Duration.ofSeconds(9);

  /** Where it stands. */
  sealed interface Step {
    /** Nothing to be learned before that. */
    record Running(Duration comeAgain) implements Step {}

    record Found(MemoryWrites writes) implements Step {}

    /** QEMU has not said in time. */
    record GivenUp() implements Step {}
  }

  private final Hypervisor hypervisor;
  private final InstantSource clock;
  private final UUID uuid;
  private final boolean twice;
  private @Nullable Instant begun;
  private @Nullable Instant due;
  private @Nullable Long shortBytes;
  private volatile long residentBytes;
  private volatile @Nullable MemoryWrites found;

  /**
   * @param twice also a long one, which takes three seconds more and may tell the working set
   */
  WriteSampler(Hypervisor hypervisor, InstantSource clock, UUID uuid, boolean twice) {
    this.hypervisor = hypervisor;
    this.clock = clock;
    this.uuid = uuid;
    this.twice = twice;
  }

  /** What the guest's emulator holds of its memory; 0 if it is not known. */
  long residentBytes() {
    return residentBytes;
  }

  /** One step further. */
  Step step() throws HypervisorException {
    var known = found;
    if (known != null) {
      return new Step.Found(known);
    }
    var now = clock.instant();
    if (begun == null || due == null) {
      residentBytes = hypervisor.memoryUse(uuid).residentBytes();
      begun = now;
      return begin(now, MemoryWrites.SHORT);
    }
    if (now.isBefore(due)) {
      return new Step.Running(Duration.between(now, due));
    }
    if (begun.plus(GIVE_UP_AFTER).isBefore(now)) {
      return new Step.GivenUp();
    }
    var use = hypervisor.memoryUse(uuid);
    if (use.dirtyBytesPerSecond().isEmpty()) {
      return new Step.Running(LOOK_AGAIN);
    }
    residentBytes = use.residentBytes();
    long rate = use.dirtyBytesPerSecond().getAsLong();
    if (!twice) {
      return found(MemoryWrites.of(rate));
    }
    if (shortBytes == null) {
      shortBytes = rate * MemoryWrites.SHORT.toSeconds();
      return begin(now, MemoryWrites.LONG);
    }
    return found(MemoryWrites.of(shortBytes, rate * MemoryWrites.LONG.toSeconds()));
  }

  private Step begin(Instant now, Duration period) throws HypervisorException {
    due = now.plus(period);
    hypervisor.startDirtyRate(uuid, period);
    return new Step.Running(period);
  }

  private Step found(MemoryWrites writes) {
    found = writes;
    return new Step.Found(writes);
  }
}
