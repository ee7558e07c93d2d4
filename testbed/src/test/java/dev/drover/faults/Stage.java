package dev.drover.faults;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.faults.Supervisor;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.Http;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.observer.Copy;
import dev.drover.testbed.observer.CopyObserver;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Two hosts under supervision and the one guest that moves between them from cell to cell, booted
 * anew only when a fault has taken it.
 */
final class Stage implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final String RESTART_LIBVIRT = "DROVER_RESTART_LIBVIRT";
  private static final List<String> POOLS =
      List.of("/var/lib/libvirt/images", "/var/lib/drover-tiny", "/mnt/shared");

  /**
   * Each block of 4 KiB costs a mirror 64 KiB, so these are 4 MiB/s on the wire: less than each
   * cap, and each slow line, of {@link Moment}. A copy of the disk would not end else.
   */
  private static final double WRITTEN_MIB_PER_SECOND = 0.25;

  private final Testbed testbed;
  private final CopyObserver copies = new CopyObserver();
  private final Supervisor supervisor;
  private final List<HypervisorHost> hosts;
  private @Nullable Guest guest;
  private final Map<String, GuestSpec> specs = new HashMap<>();
  private @Nullable GuestSpec wanted;
  private @Nullable String bootId;

  Stage(Testbed testbed) {
    this.testbed = testbed;
    this.hosts = List.of(testbed.host("n1"), testbed.host("n2"));
    // As an admin says it where systemd starts libvirtd again; so does the supervisor.
    hosts.forEach(host -> host.daemon().with(RESTART_LIBVIRT, "Allowed").restart());
    this.supervisor = new Supervisor(testbed);
  }

  Testbed testbed() {
    return testbed;
  }

  CopyObserver copies() {
    return copies;
  }

  Supervisor supervisor() {
    return supervisor;
  }

  Guest guest() {
    return java.util.Objects.requireNonNull(guest);
  }

  String bootId() {
    return java.util.Objects.requireNonNull(bootId);
  }

  HypervisorHost otherThan(HypervisorHost host) {
    return hosts.get(0).equals(host) ? hosts.get(1) : hosts.get(0);
  }

  /**
   * All is in order, and the guest that is asked for runs on the host that is returned and nowhere
   * else, its disk and memory being written to.
   */
  HypervisorHost ready(GuestSpec spec) {
    awaitHealthy();
    if (wanted == null || !wanted.name().equals(spec.name())) {
      removeGuest();
      // The same UUID each time that it is booted, as with any VM: for a minute or two the cluster
      // still knows the one that was removed, and another one of its name would get another name.
      wanted = specs.computeIfAbsent(spec.name(), name -> spec);
    }
    Optional<HypervisorHost> home = guest == null ? Optional.empty() : alone();
    if (home.isEmpty()) {
      home = Optional.of(boot());
    }
    var where = home.get();
    Waiting.until(
        "the cluster sees the guest on " + where.name(),
        LIMIT,
        () -> Request.isSeen(testbed, guest().name(), where.name()));
    guest().dirty(32, 4);
    guest().writeDisks(WRITTEN_MIB_PER_SECOND);
    guest().observer().forgetBeats();
    copies.forget();
    return where;
  }

  /** Where it is heard from, if that is one host and no other one has a process of it. */
  private Optional<HypervisorHost> alone() {
    var heard = guest().heardFrom();
    var on = processHosts();
    return heard.size() == 1 && on.equals(List.copyOf(heard))
        ? Optional.of(testbed.host(heard.iterator().next()))
        : Optional.empty();
  }

  /** The hosts with a QEMU process of the guest, by name. */
  List<String> processHosts() {
    return copies.processes(guest().name()).stream().map(Copy::host).sorted().distinct().toList();
  }

  private HypervisorHost boot() {
    if (guest != null) {
      guest.destroyEverywhere();
    } else {
      guest = testbed.guest(java.util.Objects.requireNonNull(wanted));
      guest.destroyEverywhere();
    }
    scrub();
    var home = hosts.getFirst();
    guest().start(home).awaitBooted();
    bootId = guest().bootId();
    guest().fillDisk(0, Storage.FILLED_MIB);
    return home;
  }

  /** Destroys the guest, wherever it is, and leaves nothing of it. */
  void removeGuest() {
    if (guest != null) {
      guest.destroyEverywhere();
      guest.close();
      guest = null;
      scrub();
    }
  }

  /** Removes by hand what a migration that can't end has left, as a person would. */
  private void scrub() {
    for (HypervisorHost host : hosts) {
      host.exec("sh", "-c", "rm -f /var/lib/drover-tiny/* /var/lib/libvirt/images/* /mnt/shared/*");
      for (String pool : List.of("default", "tiny", "shared")) {
        host.virsh("pool-refresh", pool);
      }
    }
  }

  /** For what can't be had otherwise: the memory of a daemon goes with its process. */
  void restartDaemons() {
    hosts.forEach(host -> host.daemon().kill());
    awaitHealthy();
  }

  void awaitHealthy() {
    for (HypervisorHost host : hosts) {
      if (!host.isOn()) {
        host.powerOn();
      }
      host.clearFirewall();
      host.clock().setAhead(Duration.ZERO);
      Waiting.until("libvirtd of " + host.name(), LIMIT, () -> host.libvirtd().running());
      Waiting.until(
          "the daemon of " + host.name() + " is ready",
          LIMIT,
          () -> Http.ok(host.daemon().httpUrl() + "/readyz"));
    }
    Waiting.until("the operator is ready", LIMIT, () -> testbed.operator().ready());
    for (HypervisorHost host : hosts) {
      Waiting.until(host.name() + " is a Ready node", LIMIT, () -> isReady(host));
    }
  }

  private boolean isReady(HypervisorHost host) {
    var node =
        testbed.controlPlane().client().resources(HypervisorNode.class).withName(host.name()).get();
    return node != null
        && node.getStatus() != null
        && node.getStatus().condition(ConditionType.Ready).filter(Condition::isTrue).isPresent()
        && node.getStatus()
            .condition(ConditionType.LibvirtConnected)
            .filter(Condition::isTrue)
            .isPresent();
  }

  /** The files in the pools, by host. */
  TreeMap<String, List<String>> files() {
    var files = new TreeMap<String, List<String>>();
    for (HypervisorHost host : hosts) {
      List<String> all = new ArrayList<>();
      for (String pool : POOLS) {
        host.files(pool).forEach(file -> all.add(pool + "/" + file));
      }
      files.put(host.name(), all);
    }
    return files;
  }

  /**
   * What is on the two hosts that should not be, given that the guest is on one of them; empty if
   * all is as it should be.
   *
   * @param home where the guest is; null: nowhere
   */
  List<String> leftOver(@Nullable HypervisorHost home, boolean diskOnBoth) {
    List<String> left = new ArrayList<>();
    String name = guest().name();
    for (HypervisorHost host : hosts) {
      boolean isHome = host.equals(home);
      for (String file : files().get(host.name())) {
        boolean disk = file.equals(guest().diskPath(0));
        if (!disk || !(isHome || diskOnBoth)) {
          left.add(host.name() + ":" + file);
        }
      }
      boolean known = host.virsh("list", "--all", "--name").out().lines().anyMatch(name::equals);
      if (known && !isHome) {
        left.add("domain on " + host.name());
      }
      if (!isHome && processHosts().contains(host.name())) {
        left.add("QEMU process on " + host.name());
      }
      for (String gauge : List.of("drover_daemon_reservations", "drover_daemon_transfers")) {
        double value = gauge(host, gauge);
        if (value != 0) {
          left.add("%s of %s is %s".formatted(gauge, host.name(), value));
        }
      }
    }
    return left;
  }

  private static double gauge(HypervisorHost host, String name) {
    return Http.get(host.daemon().httpUrl() + "/metrics")
        .lines()
        .filter(line -> line.startsWith(name + " ") || line.startsWith(name + "{"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  /** Lets the line towards a host bring only so much; {@link #fastLink} ends it. */
  static void slowLink(HypervisorHost host) {
    Command.of(
            "tc",
            "qdisc",
            "replace",
            "dev",
            "drover-" + host.name(),
            "root",
            "tbf",
            "rate",
            "120mbit",
            "burst",
            "128kb",
            "latency",
            "400ms")
        .output();
  }

  static void fastLink(HypervisorHost host) {
    Command.of("tc", "qdisc", "del", "dev", "drover-" + host.name(), "root").run();
  }

  @Override
  public void close() {
    supervisor.close();
    // Whoever needs it next starts it again (Testbed.repair).
    hosts.forEach(host -> host.daemon().without(RESTART_LIBVIRT).kill());
    if (guest != null) {
      guest.close();
    }
    copies.close();
  }
}
