package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.PortRange;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How the host's libvirt is reached and how long it may take.
 *
 * @param uri {@code qemu:///system}
 * @param keepAliveSeconds between two keepalive messages; a connection is given up {@code
 *     keepAliveSeconds * (keepAliveCount + 1)} after the last sign of life
 * @param callDeadline of an ordinary call
 * @param emulatorDeadline of a call that a guest's emulator has to answer; short, because no answer
 *     is what a watchdog waits for
 * @param storageDeadline of a call that reads or writes storage
 * @param reconnectInterval between two attempts to reach libvirt
 * @param runDirectory where libvirt keeps {@code <domain>.pid}
 * @param procDirectory of the host's process namespace
 * @param migrationPorts that the other hosts' incoming migrations listen on
 */
public record LibvirtConfig(
    String uri,
    int keepAliveSeconds,
    int keepAliveCount,
    Duration callDeadline,
    Duration emulatorDeadline,
    Duration storageDeadline,
    Duration reconnectInterval,
    Path runDirectory,
    Path procDirectory,
    PortRange migrationPorts) {

  public LibvirtConfig {
    if (keepAliveSeconds < 1 || keepAliveCount < 1) {
      throw new IllegalArgumentException("keepalive needs at least one second and one message");
    }
  }

  /** That URI, and what has proved right for the rest. */
  public static LibvirtConfig of(String uri) {
    return new LibvirtConfig(
        uri,
        5,
        3,
        Duration.ofSeconds(10),
        Duration.ofSeconds(5),
        Duration.ofSeconds(60),
        Duration.ofMillis(300),
        Path.of("/run/libvirt/qemu"),
        Path.of("/proc"),
        PortRange.LIBVIRTS);
  }

  /** With another range of ports. */
  public LibvirtConfig withMigrationPorts(PortRange ports) {
    return new LibvirtConfig(
        uri,
        keepAliveSeconds,
        keepAliveCount,
        callDeadline,
        emulatorDeadline,
        storageDeadline,
        reconnectInterval,
        runDirectory,
        procDirectory,
        ports);
  }
}
