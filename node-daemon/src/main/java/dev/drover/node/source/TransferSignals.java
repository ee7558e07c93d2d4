package dev.drover.node.source;

import dev.drover.node.hypervisor.HypervisorListener.DiskCopyEvent;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.JobStatistics;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What libvirt has told of one transfer so far. Thread-safe; whoever waits is woken by each new
 * word.
 */
final class TransferSignals {
  private final Semaphore news = new Semaphore(0);
  private @Nullable Instant suspendedAt;
  private @Nullable Instant pausedAt;
  private boolean postCopy;
  private @Nullable Boolean heldByOwner;
  private boolean startedAgain;
  private @Nullable JobStatistics completed;
  private final Set<String> disksInStep = new HashSet<>();

  synchronized void onDomainEvent(DomainEvent event, Instant at) {
    switch (event) {
      case SuspendedForMigration -> suspendedAt = at;
      case SuspendedForPostCopy -> {
        postCopy = true;
        if (suspendedAt == null) {
          suspendedAt = at;
        }
      }
      case Resumed -> {
        if (suspendedAt == null) {
          heldByOwner = false;
        }
        suspendedAt = null;
      }
      case Suspended -> {
        if (pausedAt == null) {
          heldByOwner = true;
        }
      }
      case Started -> startedAgain = true;
      case Defined, Undefined, PostCopyFailed, StoppedMigrated, Stopped, Other -> {}
    }
    news.release();
  }

  synchronized void onDiskCopy(String disk, DiskCopyEvent event) {
    if (event == DiskCopyEvent.Ready) {
      disksInStep.add(disk);
    }
    news.release();
  }

  synchronized void onJobCompleted(JobStatistics statistics) {
    completed = statistics;
    news.release();
  }

  /** Wakes whoever waits, for a reason that is kept elsewhere. */
  void wake() {
    news.release();
  }

  /** The next suspension is Drover's own doing, not the owner's. */
  synchronized void onPausedByDrover(Instant at) {
    pausedAt = at;
    news.release();
  }

  /** When Drover stopped the guest so that its transfer can end, if it did. */
  synchronized Optional<Instant> pausedAt() {
    return Optional.ofNullable(pausedAt);
  }

  /** Since when the guest stands still for its migration, while it does. */
  synchronized Optional<Instant> standsStillSince() {
    return Optional.ofNullable(pausedAt != null ? pausedAt : suspendedAt);
  }

  /** Waits for news, at most {@code timeout}. */
  void await(Duration timeout) throws InterruptedException {
    if (news.tryAcquire(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
      news.drainPermits();
    }
  }

  /** When the guest was suspended for the switchover, while it is. */
  synchronized Optional<Instant> suspendedAt() {
    return Optional.ofNullable(suspendedAt);
  }

  synchronized boolean isPostCopy() {
    return postCopy;
  }

  /**
   * Whether somebody holds the guest paused, so that it shall stay so: since before the transfer,
   * or since then.
   */
  synchronized boolean isHeldByOwner(boolean before) {
    return heldByOwner == null ? before : heldByOwner;
  }

  /** Whether the guest was started here anew since the transfer is followed. */
  synchronized boolean wasStartedAgain() {
    return startedAgain;
  }

  synchronized Optional<JobStatistics> completed() {
    return Optional.ofNullable(completed);
  }

  synchronized int disksInStep() {
    return disksInStep.size();
  }

  synchronized boolean isInStep(String disk) {
    return disksInStep.contains(disk);
  }
}
