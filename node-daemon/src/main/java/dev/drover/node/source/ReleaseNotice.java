package dev.drover.node.source;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.source.RunningTransfer.Decider;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Tells the target's daemon through the API server that the source has let go of the guest, if the
 * {@link Fence} has not been able to tell the target's libvirt: the link is cut, or that libvirt
 * does not answer. Used by one thread, which never waits for the target.
 *
 * <p>INVARIANT: said only once the process that was held since before the switchover has ended, no
 * other one has begun, and libvirt has removed the guest's definition, which it does only after the
 * target has confirmed. Then nothing of libvirt's or of Drover's can start the guest here: there is
 * nothing left to start. A transient guest has no definition whose absence could show that; of it
 * nothing is said. Nor of one that its owner holds, which shall not go on.
 *
 * <p>libvirt removes the definition only after it has closed its connection to the target's, and
 * waits for an answer to that as long as its keepalive does (30 s). So that connection is broken
 * first, if that is allowed: libvirt has ended the process because the target has confirmed, and
 * has nothing more to ask.
 */
final class ReleaseNotice {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(ReleaseNotice.class));

  /** A hand-over that gets through takes milliseconds. */
  private static final Duration HAND_OVER_SHOULD_TAKE = Duration.ofMillis(500);

  /** libvirt's reason for a domain whose process it has ended after the target had confirmed. */
  private static final String MIGRATED = "migrated";

  private final RunningTransfer transfer;
  private final EmulatorProcess process;
  private final boolean mayBreakConnections;
  private @Nullable Instant goneAt;
  private boolean broken;
  private boolean said;

  ReleaseNotice(RunningTransfer transfer, EmulatorProcess process, boolean mayBreakConnections) {
    this.transfer = transfer;
    this.process = process;
    this.mayBreakConnections = mayBreakConnections;
  }

  /** One look; says it at most once. */
  void look() {
    var order = transfer.order();
    if (said
        || !order.fenced()
        || !order.guest().persistent()
        || !process.awaitExit(Duration.ZERO)) {
      return;
    }
    var now = transfer.clock().instant();
    if (goneAt == null) {
      goneAt = now;
    }
    if (goneAt.plus(HAND_OVER_SHOULD_TAKE).isAfter(now)
        || !transfer.isDecidedBy(Decider.Fence)
        || transfer.signals().isPostCopy()
        || transfer.signals().isHeldByOwner(order.guest().paused())
        || transfer.signals().wasStartedAgain()
        || !isGoneForGood()) {
      return;
    }
    said = true;
    transfer.voice().released(now);
    LOG.warn(transfer.voice().ref())
        .addKeyValue("target", order.targetNode())
        .log(
            "The target could not be told to resume the guest yet: its daemon may, as the guest is gone from here");
  }

  private boolean isGoneForGood() {
    var uuid = transfer.order().uuid();
    try {
      var another = transfer.hypervisor().emulatorProcess(uuid);
      another.ifPresent(EmulatorProcess::close);
      if (another.isPresent()) {
        return false;
      }
      var domain = transfer.hypervisor().domain(uuid);
      if (domain.isPresent()) {
        letLibvirtFinish(domain.get());
      }
      return domain.isEmpty();
    } catch (HypervisorException e) {
      return false; // can't be told now
    }
  }

  /** INVARIANT: only if libvirt itself says that the guest has ended here because it has moved. */
  private void letLibvirtFinish(DomainState domain) {
    var connections = transfer.connections();
    if (broken
        || !mayBreakConnections
        || connections.isEmpty()
        || domain.run() != DomainState.Run.ShutOff
        || !domain.reasonText().equals(MIGRATED)) {
      return;
    }
    broken = true;
    try {
      int count = connections.get().breakControl();
      LOG.warn(transfer.voice().ref())
          .addKeyValue("count", count)
          .log("libvirt waits for the target only to say goodbye: that connection is broken");
      transfer.voice().watchdogActed("goodbye");
    } catch (HypervisorException e) {
      LOG.warn(transfer.voice().ref())
          .addKeyValue("error", e.getMessage())
          .log("libvirt waits for the target only to say goodbye, and can't be helped on");
    }
  }
}
