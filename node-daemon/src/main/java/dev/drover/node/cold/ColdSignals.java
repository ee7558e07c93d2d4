package dev.drover.node.cold;

import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.Reason;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What others tell a cold migration while it runs, and its way to wait for it. Thread-safe. */
final class ColdSignals {
  /** Why it is to end early. */
  record StopRequest(Reason reason, String message) {}

  private ColdLimits limits;
  private @Nullable StopRequest stop;
  private @Nullable List<DiskDigest> digests;
  private boolean started;
  private boolean dismissed;
  private long changes;

  ColdSignals(ColdLimits limits) {
    this.limits = limits;
  }

  synchronized ColdLimits limits() {
    return limits;
  }

  synchronized void retune(ColdLimits newest) {
    limits = newest;
  }

  synchronized Optional<StopRequest> stop() {
    return Optional.ofNullable(stop);
  }

  /** The first reason counts. */
  synchronized void requestStop(StopRequest request) {
    if (stop == null) {
      stop = request;
      changed();
    }
  }

  synchronized Optional<List<DiskDigest>> digests() {
    return Optional.ofNullable(digests);
  }

  synchronized void onDigests(List<DiskDigest> read) {
    if (digests == null) {
      digests = List.copyOf(read);
      changed();
    }
  }

  /** Whether the guest was started here since it was known to be off. */
  synchronized boolean started() {
    return started;
  }

  synchronized void onStarted() {
    started = true;
    changed();
  }

  synchronized void forgetStarted() {
    started = false;
  }

  /** The domain has changed somehow. */
  synchronized void wake() {
    changed();
  }

  /** Another migration of the guest has begun. */
  synchronized void dismiss() {
    dismissed = true;
    changed();
  }

  synchronized boolean dismissed() {
    return dismissed;
  }

  private synchronized void changed() {
    changes++;
    notifyAll();
  }

  /** Waits, but no longer than until something is told. */
  synchronized void await(Duration atMost) throws InterruptedException {
    long before = changes;
    long left = atMost.toMillis();
    long deadline = System.nanoTime() + atMost.toNanos();
    while (changes == before && left > 0) {
      wait(left);
      left = (deadline - System.nanoTime()) / 1_000_000;
    }
  }
}
