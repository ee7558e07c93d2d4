package dev.drover.testbed.host;

import dev.drover.testbed.process.Waiting;

/** A host's libvirtd. Guests survive its death: QEMU is not its child but process 1's. */
public final class Libvirtd extends HostService {

  Libvirtd(HypervisorHost host) {
    super(host, "libvirtd", process -> process.arguments().getFirst().endsWith("libvirtd"));
  }

  @Override
  public synchronized void start() {
    if (!running()) {
      host().exec("rm", "-f", "/run/libvirtd.pid").orThrow();
      // As a daemon it leaves its nsenter behind, which would otherwise stop along with it
      // (SIGSTOP). Tried again, as systemd does: a child that a killed one was just starting still
      // has its ports for a moment.
      Waiting.until(
          "libvirtd on " + host().name() + " starts",
          () ->
              host()
                  .exec(
                      "env",
                      HostClock.PRELOAD,
                      "libvirtd",
                      "--listen",
                      "-d",
                      "-p",
                      "/run/libvirtd.pid")
                  .succeeded());
    }
    Waiting.until(
        "libvirtd on " + host().name() + " answers", () -> host().virsh("version").succeeded());
  }

  /** Kills it and starts it again: the cure for a migration that hangs in it. */
  public void restart() {
    kill();
    start();
  }
}
