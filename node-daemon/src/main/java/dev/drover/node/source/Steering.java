package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationStatus.NotApplied;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.convergence.Convergence;
import dev.drover.node.convergence.Decision;
import dev.drover.node.convergence.History;
import dev.drover.node.convergence.Sample;
import dev.drover.node.convergence.TraceLine;
import dev.drover.node.convergence.TransferPolicy;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.StatusApplier.Outcome;
import dev.drover.node.source.TransferRun.StopRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out what the spec says now and what {@link Convergence} decides. What libvirt refuses is
 * tried again at the next look. Used by the watch's thread.
 */
final class Steering {
  private static final MigrationLog LOG = new MigrationLog(LoggerFactory.getLogger(Steering.class));

  /** Each look, to be replayed: docs/reference/convergence.md. */
  private static final Logger TRACE = LoggerFactory.getLogger("dev.drover.node.trace");

  private final RunningTransfer transfer;
  private final AtomicReference<@Nullable StopRequest> stopRequest;
  private final Supplier<Tuning> wanted;
  private final BandwidthTuner tuner;
  private final History history = new History();
  private @Nullable Tuning obeyed;
  private Duration allowedDowntime;
  private boolean postCopyAsked;
  private @Nullable CompletableFuture<Outcome> pauseWritten;
  private boolean paused;

  /**
   * @param obeyed what the transfer was started with; null if that is not known (it was adopted)
   */
  Steering(
      RunningTransfer transfer,
      AtomicReference<@Nullable StopRequest> stopRequest,
      Supplier<Tuning> wanted,
      BandwidthTuner tuner,
      @Nullable Tuning obeyed) {
    this.transfer = transfer;
    this.stopRequest = stopRequest;
    this.wanted = wanted;
    this.tuner = tuner;
    this.obeyed = obeyed;
    this.allowedDowntime = Convergence.firstDowntime(policy());
    this.paused = transfer.signals().pausedAt().isPresent();
  }

  private TransferPolicy policy() {
    return wanted.get().policy(transfer.order().postCopy());
  }

  /** Obeys the newest spec, if that was not done yet, and says how far it could. */
  void tune() throws HypervisorException {
    var now = wanted.get();
    var before = obeyed;
    if (before != null && before.generation() == now.generation()) {
      return;
    }
    List<NotApplied> notApplied = new ArrayList<>();
    if (before == null || !before.cap().equals(now.cap())) {
      tuner
          .retune(now.cap())
          .ifPresent(
              why ->
                  notApplied.add(NotApplied.of("bandwidthMiBps", Reason.TuningNotSupported, why)));
    }
    if (before == null || !before.maxDowntime().equals(now.maxDowntime())) {
      allowDowntime(Convergence.firstDowntime(policy()));
    }
    notApplied.addAll(tooLate(before, now));
    obeyed = now;
    transfer.voice().tuned(now.generation(), notApplied);
  }

  private List<NotApplied> tooLate(@Nullable Tuning before, Tuning now) {
    List<NotApplied> late = new ArrayList<>();
    var order = transfer.order();
    if (now.postCopyAllowed() && !order.postCopy()) {
      late.add(
          NotApplied.of(
              "postCopy",
              Reason.TuningTooLate,
              order.guest().paused()
                  ? "The guest is paused; libvirt refuses post-copy for it"
                  : "The transfer was started without post-copy, and libvirt can't add it"));
    }
    if (transfer.signals().isPostCopy() && before != null) {
      var why = "The guest runs at " + order.targetNode() + " already";
      if (!now.postCopyAllowed()) {
        late.add(NotApplied.of("postCopy", Reason.TuningTooLate, why));
      }
      if (!before.maxDowntime().equals(now.maxDowntime())) {
        late.add(NotApplied.of("maxDowntimeMilliseconds", Reason.TuningTooLate, why));
      }
      if (!before.completionTimeout().equals(now.completionTimeout())) {
        late.add(NotApplied.of("completionTimeoutSeconds", Reason.TuningTooLate, why));
      }
      if (before.onTimeout() != now.onTimeout()) {
        late.add(NotApplied.of("onTimeout", Reason.TuningTooLate, why));
      }
      if (now.switchover() == TransferPolicy.Switchover.Pause) {
        late.add(NotApplied.of("switchover", Reason.TuningTooLate, why));
      }
    }
    return late;
  }

  /** Asks {@link Convergence}, and does what it says. */
  void decide(JobStatistics job) throws HypervisorException {
    if (postCopyAsked || transfer.signals().isPostCopy()) {
      return;
    }
    var sample =
        new Sample(
            Duration.ofMillis(job.elapsedMilliseconds()),
            job.iteration(),
            job.memoryTotalBytes(),
            job.memoryRemainingBytes(),
            job.memoryBytesPerSecond(),
            job.dirtyRateBytesPerSecond(),
            allowedDowntime,
            (int) job.throttlePercent().orElse(0));
    history.add(sample);
    TRACE
        .atDebug()
        .addKeyValue("look", TraceLine.of(sample))
        .addKeyValue("migration", transfer.voice().ref().name())
        .log("Looked");
    var decision = Convergence.decide(policy(), history.samples());
    switch (decision) {
      case Decision.Continue() -> {}
      case Decision.AllowDowntime(var downtime, var because) -> {
        if (!downtime.equals(allowedDowntime)) {
          allowDowntime(downtime);
          LOG.info(transfer.voice().ref())
              .addKeyValue("downtimeMilliseconds", downtime.toMillis())
              .addKeyValue("because", because)
              .log("Another downtime is allowed");
          transfer.voice().decided(decision, downtime.toMillis() + " ms: " + because, sample);
        }
      }
      case Decision.StartPostCopy(var because) -> startPostCopy(decision, because, sample);
      case Decision.Pause(var because) -> pause(decision, because, sample);
      case Decision.GiveUp(var reason, var because) -> {
        if (giveUp(reason, because)) {
          transfer.voice().decided(decision, because, sample);
        }
      }
    }
  }

  private void allowDowntime(Duration downtime) throws HypervisorException {
    transfer.hypervisor().setMaxDowntime(transfer.order().uuid(), downtime);
    allowedDowntime = downtime;
  }

  private void startPostCopy(Decision decision, String because, Sample sample)
      throws HypervisorException {
    LOG.info(transfer.voice().ref()).addKeyValue("because", because).log("Switching to post-copy");
    try {
      transfer.hypervisor().startPostCopy(transfer.order().uuid());
      postCopyAsked = true;
      transfer.voice().decided(decision, because, sample);
    } catch (HypervisorException e) {
      if (sample.elapsed().compareTo(wanted.get().completionTimeout()) >= 0) {
        var unused =
            giveUp(
                Reason.CompletionTimeout, because + "; post-copy was refused: " + e.getMessage());
      }
      throw e;
    }
  }

  /**
   * INVARIANT: status says that the guest was stopped by Drover before it is, so that whoever comes
   * back lets it go on if the transfer fails.
   */
  private void pause(Decision decision, String because, Sample sample) throws HypervisorException {
    if (paused) {
      return;
    }
    Instant now = transfer.clock().instant();
    if (pauseWritten == null) {
      pauseWritten = transfer.voice().pausing(now);
    }
    if (!pauseWritten.isDone()) {
      return;
    }
    if (pauseWritten.join() != Outcome.Written) {
      pauseWritten = null;
      return;
    }
    LOG.info(transfer.voice().ref()).addKeyValue("because", because).log("Stopping the guest");
    transfer.signals().onPausedByDrover(now);
    transfer.hypervisor().suspend(transfer.order().uuid());
    paused = true;
    transfer.voice().decided(decision, because, sample);
  }

  /** Whether that is news. */
  private boolean giveUp(Reason reason, String because) {
    return stopRequest.compareAndSet(null, new StopRequest(reason, because));
  }
}
