package dev.drover.e2e;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.ProcessMark;
import org.jspecify.annotations.Nullable;

/** What may become of the target, or of the way to it, in the middle of a transfer. */
enum LinkFault {
  LinkCut,
  DataLinkCut,
  ControlLinkCut,
  TargetHostDead,
  TargetQemuStopped,
  TargetLibvirtdStopped,
  TargetLibvirtdKilled;

  private static final String DATA_PORTS = "49152:49215";
  private static final String CONTROL_PORTS = "16509";

  /** A fault that is there, until it is mended. */
  static final class Injected {
    private final LinkFault fault;
    private final HypervisorHost target;
    private final @Nullable ProcessMark qemu;

    private Injected(LinkFault fault, HypervisorHost target, @Nullable ProcessMark qemu) {
      this.fault = fault;
      this.target = target;
      this.qemu = qemu;
    }

    /** Works as before, daemon included. */
    void mend(Testbed testbed) {
      switch (fault) {
        case LinkCut -> target.heal();
        case DataLinkCut, ControlLinkCut -> target.clearFirewall();
        case TargetHostDead -> testbed.repair();
        case TargetQemuStopped -> {
          if (qemu != null) {
            qemu.signal("CONT");
          }
        }
        case TargetLibvirtdStopped -> target.libvirtd().resume();
        case TargetLibvirtdKilled -> target.libvirtd().start();
      }
    }
  }

  /** Now. */
  Injected inject(HypervisorHost target, String guest) {
    ProcessMark qemu = null;
    switch (this) {
      case LinkCut -> target.cut();
      case DataLinkCut -> drop(target, DATA_PORTS);
      case ControlLinkCut -> drop(target, CONTROL_PORTS);
      case TargetHostDead -> target.powerOff();
      case TargetQemuStopped -> {
        qemu = target.qemu(guest).orElseThrow().mark();
        qemu.signal("STOP");
      }
      case TargetLibvirtdStopped -> target.libvirtd().pause();
      case TargetLibvirtdKilled -> target.libvirtd().kill();
    }
    return new Injected(this, target, qemu);
  }

  private static void drop(HypervisorHost target, String ports) {
    target
        .exec(
            "sh",
            "-c",
            "iptables -w -A INPUT -p tcp --dport $0 -j DROP && iptables -w -A OUTPUT -p tcp --sport $0 -j DROP",
            ports)
        .orThrow();
  }
}
