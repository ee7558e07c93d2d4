package dev.drover.testbed.host;

import dev.drover.testbed.process.Recipes;
import java.nio.file.Path;

/**
 * How a host differs from the next one.
 *
 * @param suite the Debian release of its root file system: {@code trixie} (libvirt 11.3, QEMU 10.0)
 *     or {@code bookworm} (libvirt 9.0, QEMU 7.2)
 * @param defaultPoolMib size of the pool {@code default}; 0: as large as the machine's disk
 * @param tinyPoolMib size of the pool {@code tiny}
 * @param keepaliveIntervalSeconds how often libvirtd asks a peer, during a peer-to-peer migration,
 *     whether it lives
 * @param keepaliveCount how many of those questions may stay unanswered
 * @param emulatorUser the user that QEMU runs as: {@code root}, or {@code libvirt-qemu}, which
 *     can't open the pools' disks here
 * @param node whether it is a node of the cluster, too, with containerd and a kubelet; with trixie
 *     only, and only if the testbed was started with nodes
 */
public record HostSettings(
    String suite,
    int defaultPoolMib,
    int tinyPoolMib,
    int keepaliveIntervalSeconds,
    int keepaliveCount,
    String emulatorUser,
    boolean node) {

  /** Debian trixie, a large pool, libvirt's own keepalive. */
  public static HostSettings defaults() {
    return new HostSettings("trixie", 0, 64, 5, 5, "root", false);
  }

  public HostSettings withSuite(String name) {
    return new HostSettings(
        name,
        defaultPoolMib,
        tinyPoolMib,
        keepaliveIntervalSeconds,
        keepaliveCount,
        emulatorUser,
        node);
  }

  public HostSettings withDefaultPoolMib(int sizeMib) {
    return new HostSettings(
        suite, sizeMib, tinyPoolMib, keepaliveIntervalSeconds, keepaliveCount, emulatorUser, node);
  }

  public HostSettings withKeepalive(int intervalSeconds, int count) {
    return new HostSettings(
        suite, defaultPoolMib, tinyPoolMib, intervalSeconds, count, emulatorUser, node);
  }

  public HostSettings withEmulatorUser(String name) {
    return new HostSettings(
        suite, defaultPoolMib, tinyPoolMib, keepaliveIntervalSeconds, keepaliveCount, name, node);
  }

  /** As a node of the cluster. */
  public HostSettings asNode() {
    return new HostSettings(
        suite,
        defaultPoolMib,
        tinyPoolMib,
        keepaliveIntervalSeconds,
        keepaliveCount,
        emulatorUser,
        true);
  }

  /** Its root file system, built if need be. */
  public Path root() {
    if (node && !suite.equals("trixie")) {
      throw new IllegalArgumentException("a node's root is trixie's, not " + suite + "'s");
    }
    return Recipes.root(node ? "node" : suite);
  }

  /**
   * Whether its root has a Java runtime of its own; if not, the one that runs the testbed is lent
   * to it.
   */
  boolean hasJava() {
    return suite.equals("trixie");
  }

  String qemuConf() {
    return """
    user = "%s"
    group = "%s"
    security_driver = "none"
    stdio_handler = "file"
    cgroup_controllers = [ ]
    namespaces = [ ]
    remember_owner = 0
    dynamic_ownership = 0
    keepalive_interval = %d
    keepalive_count = %d
    """
        .formatted(
            emulatorUser,
            emulatorUser.equals("root") ? "root" : "kvm",
            keepaliveIntervalSeconds,
            keepaliveCount);
  }

  /**
   * @param tls whether other hosts reach it by TLS, and not without: it needs certificates then
   */
  static String libvirtdConf(String hostUuid, boolean tls) {
    return """
    listen_tls = %d
    listen_tcp = %d
    listen_addr = "0.0.0.0"
    auth_tcp = "none"
    auth_unix_ro = "none"
    auth_unix_rw = "none"
    host_uuid = "%s"
    log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
    """
        .formatted(tls ? 1 : 0, tls ? 0 : 1, hostUuid);
  }
}
