package dev.drover.testbed.faults;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HostShell;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.observer.Copy;
import dev.drover.testbed.observer.CopyObserver;
import java.util.List;
import java.util.Optional;

/**
 * All that a fault of one migration may hit, looked up beforehand: a fault has to happen within a
 * few milliseconds of the moment that it is meant for.
 */
public final class Victims implements AutoCloseable {

  /** libvirtd's own port: the control connection of a migration. */
  private static final String CONTROL_PORTS = "16509";

  /** Where an incoming QEMU listens, for memory and for disks. */
  private static final String DATA_PORTS = "49152:49215";

  private final Testbed testbed;
  private final CopyObserver copies;
  private final String guest;
  private final Side source;
  private final Side target;

  /**
   * @param guest the name of the domain that moves
   */
  public Victims(
      Testbed testbed,
      CopyObserver copies,
      String guest,
      HypervisorHost source,
      HypervisorHost target) {
    this.testbed = testbed;
    this.copies = copies;
    this.guest = guest;
    this.source = new Side(source);
    this.target = new Side(target);
  }

  /** The domain's name. */
  String guest() {
    return guest;
  }

  Testbed testbed() {
    return testbed;
  }

  Side source() {
    return source;
  }

  Side target() {
    return target;
  }

  /** SIGKILL for the guest's QEMU process on that side; nothing if it has none. */
  void killQemu(Side side) {
    copies.processes(guest).stream()
        .filter(copy -> copy.host().equals(side.host.name()))
        .map(Copy::process)
        .forEach(process -> kill(process.pid()));
  }

  /** Neither side hears the other on some ports any more; both still reach everybody else. */
  void cut(Ports ports) {
    // Dropped where it arrives: who sends is told nothing.
    source.shell.run(drop(target.host, ports));
    target.shell.run(drop(source.host, ports));
  }

  /** Ends every {@link #cut}. */
  void mend() {
    for (Side side : List.of(source, target)) {
      if (side.host.isOn()) {
        side.host.clearFirewall();
      }
    }
  }

  private static String drop(HypervisorHost peer, Ports ports) {
    String from = "iptables -w -A INPUT -s " + peer.ip();
    return switch (ports) {
      case Control -> both(from, CONTROL_PORTS);
      case Data -> both(from, DATA_PORTS);
      case All -> from + " -j DROP";
    };
  }

  private static String both(String from, String ports) {
    return "%1$s -p tcp --dport %2$s -j DROP; %1$s -p tcp --sport %2$s -j DROP"
        .formatted(from, ports);
  }

  private static void kill(long pid) {
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  @Override
  public void close() {
    source.shell.close();
    target.shell.close();
  }

  /** What passes between two hosts. */
  enum Ports {
    /** libvirtd to libvirtd. */
    Control,
    /** QEMU to QEMU. */
    Data,
    All
  }

  /** One of the two hosts. */
  static final class Side {
    private final HypervisorHost host;
    private final HostShell shell;
    private final Optional<Long> libvirtd;
    private final Optional<Long> daemon;

    Side(HypervisorHost host) {
      this.host = host;
      this.shell = host.shell();
      this.libvirtd = host.libvirtd().pid();
      this.daemon = host.daemon().pid();
    }

    HypervisorHost host() {
      return host;
    }

    HostShell shell() {
      return shell;
    }

    void killLibvirtd() {
      libvirtd.ifPresent(Victims::kill);
    }

    void killDaemon() {
      daemon.ifPresent(Victims::kill);
    }
  }
}
