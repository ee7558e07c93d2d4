package dev.drover.testbed.host;

import dev.drover.testbed.process.Waiting;

/** A host's libvirtd. Guests survive its death: QEMU is not its child but process 1's. */
public final class Libvirtd extends HostService {

  Libvirtd(HypervisorHost host) {
    super(host, "libvirtd", process -> process.arguments().getFirst().endsWith("libvirtd"));
  }

  @Override
  public synchronized void start() {
    Waiting.until(
        "libvirtd on " + host().name() + " answers",
        () -> {
          // Looked at each time: one that was just killed may still seem to run, and a child that
          // it was just starting has its ports for a moment.
          if (!running()) {
            begin();
          }
          return host().virsh("version").succeeded();
        });
  }

  private void begin() {
    host().exec("rm", "-f", "/run/libvirtd.pid").orThrow();
    // As a daemon it leaves its nsenter behind, which would otherwise stop along with it (SIGSTOP).
    host()
        .exec("env", HostClock.PRELOAD, "libvirtd", "--listen", "-d", "-p", "/run/libvirtd.pid")
        .orThrow();
  }

  /** Kills it and starts it again: the cure for a migration that hangs in it. */
  public void restart() {
    kill();
    start();
  }
}
