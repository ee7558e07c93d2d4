package dev.drover.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.observer.CopyObserver;
import dev.drover.testbed.observer.Timeline;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The observer can see two copies: libvirt's own order makes two of one guest when the target's
 * answer at the end is lost, and the observer says so. With the fence it sees one.
 */
@DroverTestbed
class ObserverIT {
  private static final Duration LONG = Duration.ofSeconds(60);

  /** How the target's answer "it runs here" gets lost. */
  enum Loss {
    /** From the switchover on, the link lets nothing through from the target's libvirtd. */
    ReplyDropped,
    /** It dies when it has done what it was to say. */
    TargetLibvirtdKilled
  }

  @ParameterizedTest
  @EnumSource(Loss.class)
  void withoutTheFenceALostAnswerMakesTwo(Loss loss, Testbed testbed) {
    assertThat(observe(testbed, loss, "Direct").mostCopies()).isEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource(Loss.class)
  void withTheFenceThereIsOne(Loss loss, Testbed testbed) {
    var timeline = observe(testbed, loss, "Fenced");
    assertThat(timeline.twoCopies()).isEmpty();
    assertThat(timeline.mostCopies()).isEqualTo(1);
  }

  /** What was seen of a guest that moved from a host that soon gives its peer up. */
  private static Timeline observe(Testbed testbed, Loss loss, String commit) {
    var source = testbed.addHost(HostSettings.defaults().withKeepalive(1, 4));
    var target = testbed.host("n2");
    var name = (commit + "-" + loss).toLowerCase(Locale.ROOT);
    var spec = GuestSpec.named(name).withDisk(DiskSpec.local(32)).withMemoryMib(192);
    try (var guest = testbed.guest(spec);
        var copies = new CopyObserver()) {
      guest.start(source).awaitBooted();
      Waiting.until("the guest is seen", () -> Request.isSeen(testbed, name, source.name()));
      // The observer hears the guest by itself; its beats are the second witness.
      Waiting.until("the observer sees it run", () -> copies.of(name).mostCopies() == 1);
      long libvirtd = target.libvirtd().pid().orElseThrow();
      boolean dropped = loss == Loss.ReplyDropped;
      try (var shell = target.shell();
          var events = new DomainEvents(dropped ? source : target);
          var request =
              Request.apply(
                  testbed, name, "target: {nodeName: n2}\ncommit: %s\n".formatted(commit))) {
        String last = !dropped && commit.equals("Direct") ? "Resumed" : "Suspended";
        assertThat(events.await(name, LONG, event -> event.startsWith(last)))
            .as("the switchover is seen")
            .isTrue();
        if (dropped) {
          shell.run(
              "iptables -w -A OUTPUT -d %s -p tcp --sport 16509 -j DROP".formatted(source.ip()));
        } else {
          ProcessHandle.of(libvirtd).ifPresent(ProcessHandle::destroyForcibly);
          target.libvirtd().start();
        }
        request.await(
            s -> s.phaseValue().isTerminal() || s.failure() != null, Duration.ofSeconds(40));
        // Two that run would go on doing so.
        LockSupport.parkNanos(Duration.ofSeconds(3).toNanos());
        var timeline = copies.of(name);
        boolean heardTwo = guest.twoCopiesHeard();
        System.out.printf(
            Locale.ROOT,
            "observer: %s, commit %s: %d copies, %s, two heard: %s, phase %s%n",
            loss,
            commit,
            timeline.mostCopies(),
            timeline.twoCopies(),
            heardTwo,
            request.latest().phase());
        assertThat(heardTwo)
            .as("what the guest's own beats say")
            .isEqualTo(timeline.mostCopies() == 2);
        target.clearFirewall();
        return timeline;
      }
    } finally {
      target.clearFirewall();
      testbed.removeHost(source);
    }
  }
}
