package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.CommitOrder;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.report.RecordedReports;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PostCopyRecoveryTest extends SourceStage {

  private static final LiveMigrationSpec SPEC =
      LiveMigrationSpec.builder("web")
          .target(new LiveMigrationSpec.Target("n2", null))
          .postCopy(PostCopyPolicy.Allowed)
          .commit(CommitOrder.Direct)
          .build();

  private FakeHypervisor.FakeTransfer inPostCopy() throws HypervisorException {
    inspected();
    source.putJob(DOMAIN, Optional.of(job()));
    role.handle(RecordedReports.migration(SPEC, DOMAIN, Phase.PreCopy, null, RESERVED, null));
    await().until(() -> source.calls().contains("startTransfer " + DOMAIN));
    source.become(DOMAIN, Run.PausedForPostCopy, "post-copy", DomainEvent.SuspendedForPostCopy);
    target.put(
        FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), Run.RunningPostCopy, "post-copy"));
    awaitSaid(State.PostCopying);
    return source.transfer(DOMAIN);
  }

  private void breaks(FakeHypervisor.FakeTransfer call) {
    source.become(
        DOMAIN, Run.PausedForPostCopy, DomainState.POST_COPY_FAILED, DomainEvent.PostCopyFailed);
    call.fail(new HypervisorException(Kind.Other, 9, "job 'migration in' failed in post-copy"));
  }

  private long resumptions() {
    return source.calls().stream().filter(("resumePostCopy " + DOMAIN)::equals).count();
  }

  @Test
  void aBrokenPostCopyIsResumedAsOftenAsItBreaks() throws HypervisorException {
    breaks(inPostCopy());
    await().atMost(Duration.ofSeconds(60)).until(() -> resumptions() == 1);
    assertThat(reports.source().reason()).isEqualTo(Reason.PostCopyFailed.name());
    assertThat(reports.sourceStates()).as("nothing is given up").endsWith(State.PostCopying);

    breaks(source.transfer(DOMAIN));
    await().atMost(Duration.ofSeconds(60)).until(() -> resumptions() == 2);

    source.transfer(DOMAIN).complete();
    source.putJob(DOMAIN, Optional.empty());
    target.put(FakeHypervisor.running(DOMAIN, "web"));
    source.remove(DOMAIN, DomainEvent.StoppedMigrated);
    awaitSaid(State.Switched);
    assertThat(source.calls()).noneMatch(c -> c.startsWith("destroy"));
  }

  @Test
  void aResumptionThatDoesNotGetOnIsPausedAndTriedAnew() throws HypervisorException {
    breaks(inPostCopy());
    await().atMost(Duration.ofSeconds(60)).until(() -> resumptions() == 1);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> source.calls().contains("pausePostCopy " + DOMAIN));
    assertThat(resumptions()).as("not beside a call that has not returned").isEqualTo(1);
    breaks(source.transfer(DOMAIN));
    await().atMost(Duration.ofSeconds(60)).until(() -> resumptions() == 2);
  }

  @Test
  void nothingIsTriedWhileTheTargetCanNotBeAsked() throws HypervisorException {
    var call = inPostCopy();
    target.setConnected(false);
    breaks(call);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> Reason.PostCopyFailed.name().equals(reports.source().reason()));
    assertThat(resumptions()).isZero();
    target.setConnected(true);
    await().atMost(Duration.ofSeconds(60)).until(() -> resumptions() == 1);
  }

  @Test
  void whatIsHeldForATargetThatIsFencedIsEnded() throws HypervisorException {
    var call = inPostCopy();
    target.setConnected(false);
    breaks(call);
    source.putJob(DOMAIN, Optional.empty());
    var failure = Failure.of(Reason.TargetHostLost, "n2 is fenced", "n2", Phase.PostCopy);
    var failed = RecordedReports.migration(SPEC, DOMAIN, Phase.PostCopy, null, RESERVED, failure);
    role.handle(failed);
    assertThat(source.calls()).as("not on the failure's word").noneMatch(c -> c.startsWith("dest"));
    targetIsFenced = true;
    role.handle(failed);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> source.calls().contains("destroy " + DOMAIN));
    awaitSaid(State.GuestLost);
    assertThat(reports.source().reason()).isEqualTo(Reason.GuestLostAfterSwitchover.name());
  }

  @Test
  void aGuestThatHasEndedAtTheTargetIsLostAndNotSaidToWaitForTheLink() throws HypervisorException {
    var call = inPostCopy();
    target.remove(DOMAIN, DomainEvent.Stopped);
    isLost(call);
  }

  /** One with a definition leaves that behind. */
  @Test
  void soIsOneThatIsDefinedThere() throws HypervisorException {
    var call = inPostCopy();
    target.become(DOMAIN, Run.ShutOff, "failed", DomainEvent.Stopped);
    isLost(call);
  }

  private void isLost(FakeHypervisor.FakeTransfer call) {
    breaks(call); // libvirt keeps the job
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> source.calls().contains("destroy " + DOMAIN));
    source.putJob(DOMAIN, Optional.empty());
    awaitSaid(State.GuestLost);
    assertThat(reports.source().reason()).isEqualTo(Reason.GuestLostAfterSwitchover.name());
    assertThat(reports.source().message()).contains("kept on n2");
    assertThat(resumptions()).isZero();
  }

  /** The source's process ends: what is at the target is not touched while it may run. */
  @Test
  void aGuestWhoseSourceHasEndedIsLeftAtTheTargetUntilItHasEndedThere() throws HypervisorException {
    var call = inPostCopy();
    source.become(DOMAIN, Run.ShutOff, "crashed", DomainEvent.Stopped);
    source.putJob(DOMAIN, Optional.empty());
    call.fail(new HypervisorException(Kind.Other, 9, "domain is not running"));
    awaitSaid(State.HandOverPending);
    assertThat(reports.source().message()).contains("virsh destroy");
    assertThat(target.calls()).noneMatch(c -> c.startsWith("discard") || c.startsWith("resume"));

    target.remove(DOMAIN, DomainEvent.Stopped);
    awaitSaid(State.GuestLost);
    assertThat(reports.source().reason()).isEqualTo(Reason.GuestLostAfterSwitchover.name());
  }

  @Test
  void aLibvirtThatWouldDieOfItIsNotAsked() throws HypervisorException {
    target.dieOfResumption();
    breaks(inPostCopy());
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> Reason.PostCopyFailed.name().equals(reports.source().reason()));
    assertThat(reports.source().message()).contains("libvirt").contains("Both halves are kept");
    assertThat(resumptions()).isZero();
    assertThat(source.calls()).noneMatch(c -> c.startsWith("pausePostCopy"));
  }
}
