package dev.drover.faults;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.faults.Fault;
import dev.drover.testbed.faults.Supervisor;
import dev.drover.testbed.faults.Victims;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.observer.CopyObserver;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Six guests go back and forth, two of them at a time, with a fault every 20 s; then it is counted
 * what every process holds. In the first half faults kill processes, too; in the second half they
 * live, so that what they hold at its end can be compared with what they held at its begin. Run it
 * by {@code ./test faults --long 300}.
 */
@Tag("faults")
@DroverTestbed
class LongRun {
  private static final String MIGRATIONS = "FAULTS_LONG";
  private static final int GUESTS = 6;
  private static final int AT_A_TIME = 2;
  private static final Duration BETWEEN_FAULTS = Duration.ofSeconds(20);
  private static final Duration LIMIT = Duration.ofMinutes(4);
  private static final List<Fault> DEADLY =
      List.of(
          Fault.OperatorKilled,
          Fault.SourceDaemonKilled,
          Fault.TargetDaemonKilled,
          Fault.BothDaemonsKilled,
          Fault.SourceLibvirtdKilled,
          Fault.TargetLibvirtdKilled);
  private static final List<Fault> HARMLESS =
      List.of(
          Fault.ControlCut3s,
          Fault.DataCut3s,
          Fault.LinkCut3s,
          Fault.SourceClockStepped,
          Fault.TargetClockStepped);

  /** What may be more at the end: pools of threads and connections fill up as they are used. */
  private static final int SLACK = 8;

  private static final long SLACK_KIB = 48 << 10;

  private final Map<String, Integer> ends = new ConcurrentHashMap<>();

  @Test
  void nothingGrows(Testbed testbed) {
    int migrations = Integer.parseInt(System.getenv().getOrDefault(MIGRATIONS, "300"));
    var hosts = List.of(testbed.host("n1"), testbed.host("n2"));
    List<Guest> guests = new ArrayList<>();
    for (int number = 0; number < GUESTS; number++) {
      var disk = number % 2 == 0 ? DiskSpec.local(16) : DiskSpec.shared(16);
      var spec = GuestSpec.named("long-" + number).withMemoryMib(128).withDisk(disk).dirtying(8, 1);
      guests.add(testbed.guest(spec).start(hosts.get(number % 2)).awaitBooted());
    }
    try (var supervisor = new Supervisor(testbed);
        var copies = new CopyObserver()) {
      var filesBefore = files(hosts);
      run(testbed, guests, copies, migrations / 2, true);
      var before = footprints(testbed, hosts);
      run(testbed, guests, copies, migrations - migrations / 2, false);
      var after = footprints(testbed, hosts);
      System.out.println("long run: ends " + new TreeMap<>(ends));
      System.out.println("long run: started again " + supervisor.restarts());
      before.forEach(
          (process, held) ->
              System.out.printf("long run: %s%n       -> %s%n", held, after.get(process)));
      before.forEach((process, held) -> assertNotGrown(held, after.get(process)));
      for (Guest guest : guests) {
        assertThat(copies.of(guest.name()).twoCopies()).isEmpty();
        assertThat(guest.twoCopiesHeard()).isFalse();
        assertThat(guest.qemuOn()).hasSize(1);
        var verification = guest.verify();
        assertThat(verification.clean()).as("%s: %s", guest.name(), verification).isTrue();
      }
      assertThat(files(hosts)).as("files in the pools").isEqualTo(filesBefore);
      assertThat(objects(testbed)).as("migrations that are left").isZero();
    }
  }

  private static void assertNotGrown(Footprint before, Footprint after) {
    assertThat(after).as("%s is gone", before.process()).isNotNull();
    assertThat(after.threads()).as("%s -> %s", before, after).isLessThan(before.threads() + SLACK);
    assertThat(after.files()).as("%s -> %s", before, after).isLessThan(before.files() + SLACK);
    assertThat(after.sockets()).as("%s -> %s", before, after).isLessThan(before.sockets() + SLACK);
    assertThat(after.memoryKib())
        .as("%s -> %s", before, after)
        .isLessThan(before.memoryKib() + SLACK_KIB);
  }

  /** So many migrations, and faults as long as they last. */
  private void run(
      Testbed testbed, List<Guest> guests, CopyObserver copies, int migrations, boolean deadly) {
    var left = new AtomicInteger(migrations);
    var over = new AtomicBoolean();
    var faults =
        Thread.ofPlatform()
            .name("faults")
            .start(() -> harm(testbed, guests.getFirst().name(), copies, deadly, over));
    List<Thread> movers = new ArrayList<>();
    for (int lane = 0; lane < AT_A_TIME; lane++) {
      var own = new ArrayList<Guest>();
      for (int number = lane; number < guests.size(); number += AT_A_TIME) {
        own.add(guests.get(number));
      }
      movers.add(
          Thread.ofPlatform()
              .name("mover-" + lane)
              .start(
                  () -> {
                    for (int turn = 0; left.getAndDecrement() > 0; turn++) {
                      move(testbed, own.get(turn % own.size()));
                    }
                  }));
    }
    join(movers);
    over.set(true);
    faults.interrupt();
    join(List.of(faults));
  }

  private static void join(List<Thread> threads) {
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
  }

  private void move(Testbed testbed, Guest guest) {
    try {
      var home =
          Waiting.untilPresent(
              guest.name() + " is heard, and seen by the cluster",
              LIMIT,
              () -> guest.runningOn().filter(host -> Request.isSeen(testbed, guest.name(), host)));
      String away = home.equals("n1") ? "n2" : "n1";
      try (var request =
          Request.apply(testbed, guest.name(), "target: {nodeName: %s}\n".formatted(away))) {
        Waiting.until(
            request.name() + " ends",
            LIMIT,
            () -> request.status().filter(s -> s.phaseValue().isTerminal()).isPresent());
        var status = request.latest();
        ends.merge(
            status.phaseValue() == Phase.Succeeded
                ? "Succeeded"
                : status.phase() + " " + status.failure().reason(),
            1,
            Integer::sum);
        Waiting.until(
            request.name() + " is deleted",
            LIMIT,
            () -> {
              request.delete();
              return request.isGone();
            });
      }
    } catch (RuntimeException | AssertionError e) {
      ends.merge("not ended: " + e.getMessage(), 1, Integer::sum);
    }
  }

  private static void harm(
      Testbed testbed, String guest, CopyObserver copies, boolean deadly, AtomicBoolean over) {
    var random = new Random(deadly ? 1 : 2);
    while (!over.get()) {
      LockSupport.parkNanos(BETWEEN_FAULTS.toNanos());
      if (over.get()) {
        return;
      }
      var faults = deadly && random.nextInt(3) > 0 ? DEADLY : HARMLESS;
      var fault = faults.get(random.nextInt(faults.size()));
      boolean there = random.nextBoolean();
      try (var victims =
          new Victims(
              testbed,
              copies,
              guest,
              testbed.host(there ? "n1" : "n2"),
              testbed.host(there ? "n2" : "n1"))) {
        System.out.println("long run: " + fault);
        fault.inject(victims);
        LockSupport.parkNanos(fault.lasts().toNanos());
        fault.heal(victims);
      } catch (RuntimeException e) {
        System.out.println("long run: the fault failed: " + e.getMessage());
      }
    }
  }

  private static Map<String, Footprint> footprints(Testbed testbed, List<HypervisorHost> hosts) {
    // What is between two uses is given back meanwhile.
    LockSupport.parkNanos(Duration.ofSeconds(20).toNanos());
    Map<String, Footprint> all = new TreeMap<>();
    for (HypervisorHost host : hosts) {
      put(all, host.name() + "/daemon", host.daemon().pid());
      put(all, host.name() + "/libvirtd", host.libvirtd().pid());
    }
    put(all, "operator", testbed.operator().pid());
    return all;
  }

  private static void put(Map<String, Footprint> all, String name, Optional<Long> pid) {
    pid.flatMap(number -> Footprint.of(name, number)).ifPresent(held -> all.put(name, held));
  }

  /** On all hosts; a guest's own disk moves with it. */
  private static List<String> files(List<HypervisorHost> hosts) {
    return Stream.concat(
            hosts.stream().flatMap(host -> host.files("/var/lib/libvirt/images").stream()),
            hosts.getFirst().files("/mnt/shared").stream())
        .sorted()
        .toList();
  }

  private static int objects(Testbed testbed) {
    return testbed
        .controlPlane()
        .client()
        .resources(LiveMigration.class)
        .inAnyNamespace()
        .list()
        .getItems()
        .size();
  }
}
