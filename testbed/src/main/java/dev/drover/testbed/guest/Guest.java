package dev.drover.testbed.guest;

import dev.drover.testbed.host.Bridge;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A virtual machine with a real Linux that beats, dirties memory and writes to its disks as it is
 * told, and can prove that it lost nothing. Memory and disks are checked by the guest itself, which
 * knows what it wrote.
 */
public final class Guest implements AutoCloseable {

  private static final Duration BOOT_DEADLINE = Duration.ofMinutes(3);
  private static final Duration COMMAND_DEADLINE = Duration.ofSeconds(60);
  private static final Duration LONG_COMMAND_DEADLINE = Duration.ofMinutes(5);
  private static final Duration LIVENESS_WINDOW = Duration.ofSeconds(1);

  private final GuestSpec spec;
  private final List<HypervisorHost> hosts;
  private final GuestObserver observer;

  /**
   * @param hosts all that it may ever run on
   */
  public Guest(GuestSpec spec, List<HypervisorHost> hosts) {
    this.spec = spec;
    this.hosts = List.copyOf(hosts);
    this.observer = new GuestObserver(spec.name(), Bridge.ADDRESS);
  }

  public String name() {
    return spec.name();
  }

  public GuestSpec spec() {
    return spec;
  }

  /** All that was heard of it. */
  public GuestObserver observer() {
    return observer;
  }

  /**
   * Makes its disks, unless they are there, and starts it; {@link #awaitBooted} tells when it
   * lives.
   */
  public Guest start(HypervisorHost host) {
    observer.forget();
    for (int number = 0; number < spec.disks().size(); number++) {
      createVolume(host, number);
    }
    String xml = DomainXml.of(spec, observer.address());
    String paused = spec.startsPaused() ? " --paused" : "";
    if (spec.persistent()) {
      virshWithInput(host, xml, "define /dev/stdin; start " + name() + paused);
    } else {
      virshWithInput(host, xml, "create /dev/stdin" + paused);
    }
    return this;
  }

  /** Waits for its first heartbeats. */
  public Guest awaitBooted() {
    Waiting.until(
        "guest " + name() + " boots", BOOT_DEADLINE, () -> observer.beats().all().size() > 10);
    return this;
  }

  /** Waits until it beats from a host, as it does soon after it was moved there. */
  public Guest awaitRunningOn(HypervisorHost host) {
    Waiting.until(
        "guest " + name() + " beats from " + host.name(),
        () -> runningOn().equals(Optional.of(host.name())));
    return this;
  }

  /**
   * Has it write to so much memory in turn, at that rate, until told otherwise; 0 MiB: gives the
   * memory back.
   */
  public void dirty(int sizeMib, int mibPerSecond) {
    observer.command("dirty %d %d".formatted(sizeMib, mibPerSecond), COMMAND_DEADLINE);
  }

  /**
   * Has it write to random places of every writable disk at that rate each, until told otherwise;
   * 0: stop.
   */
  public void writeDisks(double mibPerSecond) {
    observer.command("write " + mibPerSecond, COMMAND_DEADLINE);
  }

  /**
   * Has it write the first so many MiB of a disk, as fast as it goes; returns when that is done.
   */
  public void fillDisk(int disk, int sizeMib) {
    observer.command("fill %d %d".formatted(disk, sizeMib), LONG_COMMAND_DEADLINE);
  }

  /**
   * Has it stop writing to its disks, read back every block that it ever wrote (past its caches),
   * and look at every page that it dirtied.
   */
  public Verification verify() {
    return Verification.parse(observer.command("verify", LONG_COMMAND_DEADLINE));
  }

  /** As {@link #verify}; of the disks only. */
  public List<DiskCheck> verifyDisks() {
    return verify().disks();
  }

  /**
   * Reads a disk on a host where the guest is shut off, without the guest. Its digest equals the
   * guest's own, from its last {@link #verify}, if nothing was lost on the way.
   */
  public DiskCheck checkOffline(HypervisorHost host, int disk) {
    Path raw = host.dumpDisk(diskPath(disk));
    try {
      return DiskCheck.ofImage(raw, disk);
    } finally {
      Command.of("rm", "-f", raw.toString()).run();
    }
  }

  /** The path of a disk on every host. */
  public String diskPath(int disk) {
    return spec.disks().get(disk).path(name(), disk);
  }

  /** How long its kernel has been up, by its own clock, as of its last word about itself. */
  public Duration uptime() {
    double seconds = Double.parseDouble(about("uptime"));
    return Duration.ofMillis((long) (seconds * 1000));
  }

  /** What its kernel drew at random when it booted: the same as long as it wasn't booted anew. */
  public String bootId() {
    return about("boot");
  }

  /** Writes to its memory so far, in MiB. */
  public long dirtiedMib() {
    return Long.parseLong(about("dirtied"));
  }

  /** The longest time since an instant in which it was not heard, the present silence included. */
  public Duration longestSilence(Instant since) {
    return silence(since).length();
  }

  /** As {@link #longestSilence}, with when it began and where the guest was before and after. */
  public Beats.Silence silence(Instant since) {
    return observer.beats().longestSilence(since, observer.now());
  }

  /** The host that it was last heard from; empty if that is more than a second ago. */
  public Optional<String> runningOn() {
    return observer.beats().since(observer.now().minus(LIVENESS_WINDOW)).last().map(Beat::host);
  }

  /**
   * The hosts that it was heard from in the last second: more than one around a migration, or when
   * two copies run.
   */
  public Set<String> heardFrom() {
    return observer.beats().since(observer.now().minus(LIVENESS_WINDOW)).hosts();
  }

  /** Whether two copies of it were ever heard. */
  public boolean twoCopiesHeard() {
    return observer.beats().showTwoCopies();
  }

  /** The hosts where a QEMU process of it lives, running or not. */
  public List<HypervisorHost> qemuOn() {
    return hosts.stream().filter(host -> host.qemuPid(name()).isPresent()).toList();
  }

  /**
   * libvirt's word for its state on a host, such as {@code running}; {@code absent} if it isn't
   * known there.
   */
  public String state(HypervisorHost host) {
    Command.Result result = host.virsh("domstate", name());
    return result.succeeded() ? result.out().strip() : "absent";
  }

  /** Suspends it, as an operator would with virsh. */
  public void suspend(HypervisorHost host) {
    host.virsh("suspend", name()).orThrow();
  }

  public void resume(HypervisorHost host) {
    host.virsh("resume", name()).orThrow();
  }

  /** Has it shut down, and waits until it is off. */
  public void powerOff() {
    observer.tell("poweroff");
    Waiting.until("guest " + name() + " is off", () -> qemuOn().isEmpty());
  }

  /** Destroys and undefines it on all hosts that are on, and removes its disks. */
  public void destroyEverywhere() {
    for (HypervisorHost host : hosts) {
      if (!host.isOn()) {
        continue;
      }
      host.virsh("destroy", name());
      host.virsh("undefine", name());
      for (int disk = 0; disk < spec.disks().size(); disk++) {
        if (spec.disks().get(disk).isVolume()) {
          host.exec("rm", "-f", diskPath(disk));
        }
      }
    }
  }

  /** {@link #destroyEverywhere}, and stops listening. */
  @Override
  public void close() {
    destroyEverywhere();
    observer.close();
  }

  private String about(String field) {
    return Waiting.untilPresent(
        "guest " + name() + " tells its " + field,
        COMMAND_DEADLINE,
        () -> Optional.ofNullable(observer.about().get(field)));
  }

  private void createVolume(HypervisorHost host, int number) {
    DiskSpec disk = spec.disks().get(number);
    if (!disk.isVolume()) {
      return;
    }
    host.virsh("pool-refresh", disk.pool());
    String volume = disk.volumeName(name(), number);
    if (!host.virsh("vol-info", volume, "--pool", disk.pool()).succeeded()) {
      List<String> command =
          new ArrayList<>(List.of("vol-create-as", disk.pool(), volume, disk.sizeMib() + "MiB"));
      command.addAll(List.of("--format", disk.format(), "--allocation", "0"));
      if (!disk.base().isEmpty()) {
        command.addAll(List.of("--backing-vol", disk.base(), "--backing-vol-format", "qcow2"));
      }
      host.virsh(command.toArray(String[]::new)).orThrow();
    }
  }

  private static void virshWithInput(HypervisorHost host, String input, String line) {
    Command.of(host.entering(List.of("virsh", "-q", line))).withInput(input).run().orThrow();
  }
}
