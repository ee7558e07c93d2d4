package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.faults.Fault;
import dev.drover.testbed.faults.Victims;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.observer.Copy;
import dev.drover.testbed.observer.CopyObserver;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The last instants: who finishes them, and what comes of them when somebody dies. */
@DroverTestbed
class HandOverIT {
  private static final Duration WANTED = Duration.ofSeconds(5);

  @AfterEach
  void takeBack(Testbed testbed) {
    fenceTarget(testbed, false);
  }

  @Test
  void theHandOverNeedsNoApiServer(Testbed testbed) {
    var spec = GuestSpec.named("unwritten").withDisk(DiskSpec.shared(64)).dirtying(64, 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 12\n");
      migration.awaitMemoryCopy();
      testbed.controlPlane().apiServer().pause();
      try {
        scene.guest().awaitRunningOn(scene.target());
        scene.assertOnlyAt(scene.target());
      } finally {
        testbed.controlPlane().apiServer().resume();
      }
      // An operator that has lost its lease ends; the kubelet starts it again.
      Waiting.until(
          "the operator is done with it",
          Migration.DEADLINE,
          () -> {
            testbed.operator().start();
            return migration.phase().isTerminal();
          });
      migration.awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  @Test
  void theTargetsDaemonFinishesIfTheSourcesStaysAway(Testbed testbed) {
    // An idle guest: nobody steers its transfer once its daemon is dead.
    var spec = GuestSpec.named("orphaned").withDisk(DiskSpec.local(64));
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 12\n");
      migration.awaitMemoryCopy();
      scene.source().daemon().kill();
      scene.guest().awaitRunningOn(scene.target());
      scene.assertOnlyAt(scene.target());
      assertThat(migration.phase())
          .as("only the source says that it is over")
          .isNotEqualTo(Phase.Succeeded);
      migration.await(
          "the target says who has resumed the guest",
          s -> s.target() != null && s.target().reason().equals(Reason.Committing.name()));
      scene.source().daemon().start();
      migration.awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  @Test
  void theSourcesDaemonFinishesIfTheTargetsStaysAway(Testbed testbed) {
    var spec = GuestSpec.named("unhosted").withDisk(DiskSpec.local(64)).dirtying(64, 4);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 12\n");
      migration.awaitMemoryCopy();
      scene.target().daemon().kill();
      scene.guest().awaitRunningOn(scene.target());
      scene.assertOnlyAt(scene.target());
      scene.target().daemon().start();
      migration.awaitSucceeded();
      scene.assertMoved(boot);
    }
  }

  /**
   * All of the guest is sent, and there is nobody to say so: what the source would wait 30 s for.
   */
  @Test
  void aTargetThatFallsSilentInTheSwitchoverDoesNotKeepTheGuestStill(Testbed testbed) {
    var spec = GuestSpec.named("silent").withDisk(DiskSpec.local(64)).dirtying(64, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      withASlowLine(
          () -> {
            var migration = intoTheSwitchover(scene);
            scene.target().libvirtd().pause();
            try {
              // As long as it is being sent it stands still because that was allowed.
              Waiting.until("all of the memory was sent", () -> streams(scene) == 0);
              var since = scene.guest().observer().now();
              var status = migration.await("has failed", s -> s.failure() != null).status();
              assertThat(status.failure().reason())
                  .isEqualTo(Reason.ConnectionToTargetFailed.name());
              assertThat(status.failure().message()).contains("stands still");
              scene.guest().awaitRunningOn(scene.source());
              assertThat(scene.guest().longestSilence(since)).isLessThan(WANTED);
            } finally {
              scene.target().libvirtd().resume();
            }
            migration.awaitFailed(Reason.ConnectionToTargetFailed);
          });
      scene.assertStayed(boot);
    }
  }

  @Test
  void aLinkThatIsCutInTheSwitchoverDoesNotKeepTheGuestStill(Testbed testbed) {
    var spec = GuestSpec.named("severed").withDisk(DiskSpec.shared(64)).dirtying(64, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      withASlowLine(
          () -> {
            var migration = intoTheSwitchover(scene);
            var since = scene.guest().observer().now();
            scene.target().cut();
            try {
              migration.await("has failed", s -> s.failure() != null);
              scene.guest().awaitRunningOn(scene.source());
              assertThat(scene.guest().longestSilence(since)).isLessThan(WANTED);
            } finally {
              scene.target().heal();
            }
            migration.awaitFailed(Reason.ConnectionToTargetFailed);
          });
      scene.assertStayed(boot);
    }
  }

  /**
   * libvirt at the source dies after all was sent, and before it has heard that the target has it:
   * the guest is left held on both hosts, and libvirt says that a third party has to check.
   */
  @Test
  void aGuestThatLibvirtHasLeftHeldOnBothHostsGoesOn(Testbed testbed) {
    var spec = GuestSpec.named("limbo").withDisk(DiskSpec.shared(64)).dirtying(64, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      withASlowLine(
          () -> {
            var migration = intoTheSwitchover(scene);
            scene.target().libvirtd().pause();
            Waiting.until("all of the memory was sent", () -> streams(scene) == 0);
            scene.source().libvirtd().kill();
            scene.target().libvirtd().resume();
            scene.source().libvirtd().start();
            migration.await("has failed", s -> s.failure() != null);
            scene.guest().awaitRunningOn(scene.source());
            assertThat(migration.awaitEnd().phaseValue()).isEqualTo(Phase.Failed);
          });
      scene.assertStayed(boot);
      assertThat(scene.source().daemon().log())
          .content()
          .contains("libvirt has left the guest held");
    }
  }

  /** As above, but there is no target any more that could be asked whether it runs there. */
  @Test
  void aGuestThatIsHeldForALostTargetGoesOnOnceThatIsFenced(Testbed testbed) {
    var spec = GuestSpec.named("jilted").withDisk(DiskSpec.shared(64)).dirtying(64, 40);
    try (var scene = Scene.onSource(testbed, spec)) {
      var boot = scene.guest().bootId();
      withASlowLine(
          () -> {
            var migration = intoTheSwitchover(scene);
            scene.target().libvirtd().pause();
            Waiting.until("all of the memory was sent", () -> streams(scene) == 0);
            scene.source().libvirtd().kill();
            scene.target().powerOff();
            scene.source().libvirtd().start();
            migration.await(
                "waits for the target",
                s ->
                    s.source() != null && s.source().state() == SourceReport.State.HandOverPending);
            assertThat(scene.source().virsh("domstate", "jilted").out()).contains("paused");
            fenceTarget(testbed, true);
            migration.awaitFailed(Reason.TargetHostLost);
          });
      scene.guest().awaitRunningOn(scene.source());
      assertThat(scene.guest().bootId()).isEqualTo(boot);
      assertThat(scene.guest().verify().clean()).isTrue();
      assertThat(scene.guest().twoCopiesHeard()).isFalse();
    }
  }

  /**
   * The source's daemon can't tell the target's libvirt, and the target's daemon can't ask the
   * source's: each knows what it knows, and there is the API server.
   */
  @Test
  void aControlLinkThatIsCutBetweenTheEndAndTheResumptionDoesNotKeepTheGuestStill(Testbed testbed) {
    var spec = GuestSpec.named("cutoff").withDisk(DiskSpec.shared(64));
    try (var scene = Scene.onSource(testbed, spec);
        var copies = new CopyObserver();
        var victims = new Victims(testbed, copies, "cutoff", scene.source(), scene.target())) {
      var boot = scene.guest().bootId();
      var instant = Instantly.ended(scene, copies);
      Fault.ControlCut60s.inject(victims);
      try {
        instant.goOn();
        scene.guest().awaitRunningOn(scene.target());
        instant.assertBriefAndOne();
        instant
            .migration()
            .await(
                "the source says that it has let go, the target that it has resumed the guest",
                s ->
                    s.source() != null
                        && s.source().hasReleased()
                        && s.target() != null
                        && s.target().reason().equals(Reason.Committing.name()));
      } finally {
        Fault.ControlCut60s.heal(victims);
        scene.source().daemon().resume();
      }
      instant.migration().awaitSucceeded();
      scene.assertMoved(boot);
      instant.assertBriefAndOne();
    }
  }

  @Test
  void aLibvirtdThatStopsAtTheTargetBetweenTheEndAndTheResumptionIsEnded(Testbed testbed) {
    permitRestart(testbed.host("n2"), Optional.of("Allowed"));
    var spec = GuestSpec.named("hushed").withDisk(DiskSpec.shared(64));
    try (var scene = Scene.onSource(testbed, spec);
        var copies = new CopyObserver();
        var serviceManager = Executors.newVirtualThreadPerTaskExecutor()) {
      var boot = scene.guest().bootId();
      var instant = Instantly.ended(scene, copies);
      var libvirtd = scene.target().libvirtd();
      libvirtd.pause();
      try {
        instant.goOn();
        var restarted =
            serviceManager.submit(
                () -> {
                  Waiting.until("libvirtd was ended", () -> !libvirtd.running());
                  libvirtd.start();
                });
        scene.guest().awaitRunningOn(scene.target());
        instant.assertBriefAndOne();
        assertThat(restarted).succeedsWithin(WANTED);
      } finally {
        libvirtd.resume();
        scene.source().daemon().resume();
      }
      instant.migration().awaitSucceeded();
      scene.assertMoved(boot);
      instant.assertBriefAndOne();
    } finally {
      permitRestart(testbed.host("n2"), Optional.empty());
    }
  }

  @Test
  void aLibvirtdThatStopsAtTheTargetAndMayNotBeEndedIsToldOf(Testbed testbed) {
    var spec = GuestSpec.named("waiting").withDisk(DiskSpec.shared(64));
    try (var scene = Scene.onSource(testbed, spec);
        var copies = new CopyObserver()) {
      var boot = scene.guest().bootId();
      var instant = Instantly.ended(scene, copies);
      scene.target().libvirtd().pause();
      try {
        instant.goOn();
        instant
            .migration()
            .await(
                "the target says what a person can do",
                s ->
                    s.target() != null
                        && s.target().reason().equals(Reason.TargetLibvirtSilent.name()));
      } finally {
        scene.target().libvirtd().resume();
        scene.source().daemon().resume();
      }
      scene.guest().awaitRunningOn(scene.target());
      instant.migration().awaitSucceeded();
      scene.assertMoved(boot);
      assertThat(copies.of("waiting").twoCopies()).isEmpty();
    }
  }

  private static void permitRestart(HypervisorHost host, Optional<String> permission) {
    permission.ifPresentOrElse(
        p -> host.daemon().with("DROVER_RESTART_LIBVIRT", p),
        () -> host.daemon().without("DROVER_RESTART_LIBVIRT"));
    host.daemon().restart();
  }

  /**
   * The milliseconds between the end of the source's process and the resumption at the target, held
   * for a moment: the source's daemon, which would resume the guest, stands still.
   */
  private record Instantly(Scene scene, CopyObserver copies, Migration migration, Instant beganAt) {

    static Instantly ended(Scene scene, CopyObserver copies) {
      var migration = scene.migrate("target: {nodeName: n2}\nbandwidthMiBps: 24\n");
      migration.awaitMemoryCopy();
      var beganAt = scene.guest().observer().now();
      scene.source().daemon().pause();
      Waiting.until(
          "the source's process has ended",
          () -> {
            var hosts = copies.processes(scene.guest().name()).stream().map(Copy::host).toList();
            return hosts.equals(List.of(scene.target().name()));
          });
      return new Instantly(scene, copies, migration, beganAt);
    }

    /** The source's daemon sees that the process has ended. */
    void goOn() {
      scene.source().daemon().resume();
    }

    void assertBriefAndOne() {
      var silence = scene.guest().longestSilence(beganAt);
      System.out.println("standstill of " + scene.guest().name() + ": " + silence);
      assertThat(silence).isLessThan(WANTED);
      assertThat(copies.of(scene.guest().name()).twoCopies()).isEmpty();
      assertThat(scene.guest().twoCopiesHeard()).isFalse();
    }
  }

  private static void fenceTarget(Testbed testbed, boolean fenced) {
    var patch = "{\"spec\":{\"fenced\":%s}}".formatted(fenced);
    testbed.kubectl("patch", "hvn", "n2", "--type=merge", "-p", patch).orThrow();
  }

  private static long streams(Scene scene) {
    return scene
        .source()
        .exec("ss", "-Htn", "dst", scene.target().ip(), "dport", ">=", ":49152")
        .orThrow()
        .out()
        .lines()
        .count();
  }

  /** Returns when the guest stands still; the rest of it takes some seconds. */
  static Migration intoTheSwitchover(Scene scene) {
    var migration = scene.migrate("target: {nodeName: n2}\nmaxDowntimeMilliseconds: 10000\n");
    scene
        .source()
        .virsh(Migration.DEADLINE, "event", scene.guest().name(), "lifecycle", "--timeout", "120")
        .orThrow();
    return migration;
  }

  /** QEMU drops every cap while the guest stands still: only a slow line makes that last. */
  static void withASlowLine(Runnable body) {
    tc("add", "root", "tbf", "rate", "80mbit", "burst", "128kb", "latency", "400ms").orThrow();
    try {
      body.run();
    } finally {
      tc("del", "root");
    }
  }

  /** With a host that was lost, its line has gone, too. */
  private static Command.Result tc(String verb, String... arguments) {
    var command =
        Stream.concat(Stream.of("tc", "qdisc", verb, "dev", "drover-n2"), Arrays.stream(arguments));
    return Command.of(command.toList()).run();
  }
}
