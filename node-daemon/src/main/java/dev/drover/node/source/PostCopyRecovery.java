package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.TransferRequest;
import dev.drover.node.report.MigrationLog;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Mends a post-copy whose link has broken, as often as it breaks. The guest waits at the target for
 * memory that is still here: both halves are kept, whatever happens. Used by the watch's thread.
 *
 * <p>Nobody but us notices a link that only swallows what is sent (testbed.md B.6), so memory that
 * has not moved for a while counts as broken: libvirt is told to pause the post-copy, which is what
 * it can be resumed from. Where the target's libvirt can't resume, TCP is left to find out that the
 * link is back, which takes it about as long again as the link was away.
 */
final class PostCopyRecovery {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(PostCopyRecovery.class));
  private static final Duration LOOK_AFTER = Duration.ofSeconds(1);
  private static final Duration BROKEN_AFTER = Duration.ofSeconds(10);
  private static final Duration TRY_EVERY = Duration.ofSeconds(2);
  private static final String BY_ITSELF = "It goes on by itself when the link is back.";
  private static final String NEEDS_ANOTHER_LIBVIRT =
      "QEMU has given the link up, and the target's libvirt (11.2 or newer) dies when it is asked to go on: put one there"
          + " that does not, and restart it; the guest lives on meanwhile.";

  private final RunningTransfer transfer;
  private final BandwidthTuner tuner;
  private long processed = -1;
  private @Nullable Instant movedAt;
  private @Nullable Instant triedAt;
  private @Nullable Instant resumedAt;
  private String told = "";
  private boolean runsThere;

  PostCopyRecovery(RunningTransfer transfer, BandwidthTuner tuner) {
    this.transfer = transfer;
    this.tuner = tuner;
  }

  /** Looks whether memory still moves, and does what is next where it does not. */
  void look(Optional<JobStatistics> job, Instant now) throws HypervisorException {
    if (!transfer.signals().isPostCopy()) {
      return;
    }
    if (movedAt == null || job.filter(this::hasMoved).isPresent()) {
      movedAt = now;
      runsThere = runsThere || transfer.peer().view() == TargetView.RunsPostCopy;
      sayMended();
      return;
    }
    if (now.isBefore(movedAt.plus(LOOK_AFTER))) {
      return;
    }
    if (transfer.peer().view().hasNoProcess()) {
      return; // there is nothing to be mended any more; the watch judges that
    }
    boolean canResume = transfer.peer().canResumePostCopy();
    if (transfer.isPostCopyBroken()) {
      say(canResume ? BY_ITSELF : NEEDS_ANOTHER_LIBVIRT);
      if (canResume) {
        mend(now);
      }
    } else if (job.isPresent() && now.isAfter(movedAt.plus(BROKEN_AFTER))) {
      say(BY_ITSELF);
      // INVARIANT: only a guest that has been seen to run there. While its devices are still on
      // their way, the target's QEMU dies if its connection is closed, and the guest with it.
      if (canResume && runsThere) {
        LOG.warn(transfer.voice().ref()).log("No memory has moved; the post-copy is paused");
        transfer.hypervisor().pausePostCopy(transfer.order().uuid());
      }
    }
  }

  private boolean hasMoved(JobStatistics job) {
    boolean moved = job.memoryProcessedBytes() != processed;
    processed = job.memoryProcessedBytes();
    return moved;
  }

  private void mend(Instant now) throws HypervisorException {
    if (triedAt != null && now.isBefore(triedAt.plus(TRY_EVERY))) {
      return;
    }
    triedAt = now;
    if (transfer.ownCall().filter(call -> !call.returned().isDone()).isPresent()) {
      endLingeringCall(now); // libvirt refuses a second one beside it
      return;
    }
    if (transfer.peer().view() != TargetView.RunsPostCopy) {
      return; // the link, or the libvirt at its other end, is not back
    }
    LOG.info(transfer.voice().ref()).log("The post-copy is resumed");
    var order = transfer.order();
    transfer.started(
        transfer
            .hypervisor()
            .resumePostCopy(
                new TransferRequest(
                    order.uuid(),
                    order.target(),
                    order.fenced(),
                    order.guest().persistent(),
                    order.postCopy(),
                    List.of(), // they are over there already
                    order.bridges(),
                    tuner.totalMebibytesPerSecond())));
    resumedAt = transfer.clock().instant();
  }

  /** A resumption whose two ends do not find each other is paused, and tried anew. */
  private void endLingeringCall(Instant now) throws HypervisorException {
    if (resumedAt != null && now.isAfter(resumedAt.plus(BROKEN_AFTER))) {
      resumedAt = now;
      LOG.warn(transfer.voice().ref()).log("The post-copy does not go on; it is paused again");
      transfer.hypervisor().pausePostCopy(transfer.order().uuid());
    }
  }

  private void say(String outlook) {
    if (!outlook.equals(told)) {
      told = outlook;
      var unused =
          transfer.say(
              State.PostCopying,
              Reason.PostCopyFailed,
              "The link to "
                  + transfer.order().targetNode()
                  + " is broken: the guest there waits for memory that is still here. Both halves are kept. "
                  + outlook);
    }
  }

  private void sayMended() {
    if (!told.isEmpty()) {
      told = "";
      LOG.info(transfer.voice().ref()).log("Memory moves again");
      var unused =
          transfer.say(
              State.PostCopying,
              Reason.PostCopying,
              "The link is back; the rest of the guest's memory follows");
    }
  }
}
