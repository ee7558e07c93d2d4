package dev.drover.testbed.host;

import static java.util.Map.entry;

import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.ProcessMark;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.StateDirectory;
import dev.drover.testbed.process.Waiting;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A hypervisor host: a Debian root file system of its own in namespaces of its own, with libvirtd,
 * QEMU, a network address and three storage pools.
 *
 * <ul>
 *   <li>{@code default} at /var/lib/libvirt/images: the host's own;
 *   <li>{@code shared} at /mnt/shared: the same files on every host, and libvirt takes it for
 *       shared;
 *   <li>{@code tiny} at /var/lib/drover-tiny: the host's own, and soon full.
 * </ul>
 *
 * All it does is inside of its namespaces: when its process 1 is gone, so are its processes, mounts
 * and network.
 */
public final class HypervisorHost {

  private static final String POOLS =
      String.join(
          "; ",
          pool("default", "/var/lib/libvirt/images"),
          pool("shared", "/mnt/shared"),
          pool("tiny", "/var/lib/drover-tiny"));

  private final StateDirectory state;
  private final int number;
  private final HostSettings settings;
  private final Libvirtd libvirtd;
  private final NodeDaemon daemon;
  private final HostClock clock;
  private final @Nullable KubernetesNode node;
  private final String uuid = UUID.randomUUID().toString();
  private @Nullable ProcessMark init;
  private boolean tls;

  /**
   * @param number 1 for {@code n1}, and so on; at most 200
   */
  public HypervisorHost(
      StateDirectory state, int number, HostSettings settings, ControlPlane controlPlane) {
    this.state = state;
    this.number = number;
    this.settings = settings;
    this.clock = new HostClock(this);
    this.libvirtd = new Libvirtd(this);
    this.daemon = new NodeDaemon(this, controlPlane);
    this.node = settings.node() ? new KubernetesNode(this, controlPlane) : null;
  }

  /** Its name, also as a node of the cluster: {@code n1}, {@code n2}, ... */
  public String name() {
    return "n" + number;
  }

  public String ip() {
    return Bridge.addressOf(number);
  }

  /** The UUID that its libvirt gives for the host. */
  public String uuid() {
    return uuid;
  }

  public HostSettings settings() {
    return settings;
  }

  public Libvirtd libvirtd() {
    return libvirtd;
  }

  public NodeDaemon daemon() {
    return daemon;
  }

  /**
   * What makes a node of it.
   *
   * @throws IllegalStateException if its settings don't ask for that
   */
  public KubernetesNode node() {
    if (node == null) {
      throw new IllegalStateException("host " + name() + " is no node");
    }
    return node;
  }

  /** The wall clock of its processes. */
  public HostClock clock() {
    return clock;
  }

  /**
   * Boots it, on the disk that it had before if there is one. Returns when libvirt answers and its
   * pools are up; a node is Ready some seconds later ({@link KubernetesNode#awaitReady}).
   */
  public void powerOn() {
    boolean firstBoot = !Files.exists(directory().resolve("upper"));
    prepareFiles();
    if (node != null) {
      node.prepare();
      state.noteCgroup(cgroup());
    }
    ProcessMark process = startInit();
    init = process;
    state.note("host-" + name(), process);
    join(process.pid());
    if (node != null) {
      node.start();
    }
    libvirtd.start();
    if (firstBoot) {
      virsh(POOLS).orThrow();
    }
  }

  /** Pulls the plug: every process of the host is gone at once, QEMU included. Its disks stay. */
  public void powerOff() {
    ProcessMark process = init;
    if (process == null) {
      return;
    }
    process.signal("KILL");
    Waiting.until("host " + name() + " is off", () -> !process.alive());
    // The interface goes with the namespace, a moment after its last process; it would be in the
    // way of the next boot.
    Waiting.until(
        "the network of host " + name() + " is gone",
        () -> !Files.exists(Path.of("/sys/class/net", link())));
    if (node != null) {
      Command.of(Recipes.script("cgroups"), "remove", cgroup()).output();
    }
    init = null;
  }

  /** {@link #powerOff}, and its disks go, too. */
  public void scrap() {
    powerOff();
    Command.of("rm", "-rf", "--one-file-system", directory().toString())
        .within(Duration.ofMinutes(1))
        .run()
        .orThrow();
  }

  /**
   * Waits for the certificates that a daemon installs, and has libvirtd speak TLS from then on, and
   * nothing else: what docs/install.md asks an admin to do once for each host.
   */
  public void speakTls() {
    if (tls) {
      return;
    }
    Waiting.until(
        "the certificates of " + name() + " are there",
        () -> exec("test", "-r", "/etc/pki/libvirt/servercert.pem").succeeded());
    tls = true;
    exec(
            "sh",
            "-c",
            "printf '%s' \"$0\" > /etc/libvirt/libvirtd.conf",
            HostSettings.libvirtdConf(uuid, tls))
        .orThrow();
    libvirtd.restart();
  }

  public boolean isOn() {
    return init != null && init.alive();
  }

  /** Runs a program inside the host to its end, within a minute. */
  public Command.Result exec(String... arguments) {
    return Command.of(entering(List.of(arguments))).run();
  }

  /** As {@link #exec}, for what takes longer. */
  public Command.Result exec(Duration deadline, String... arguments) {
    return Command.of(entering(List.of(arguments))).within(deadline).run();
  }

  /** Runs virsh against the host's own libvirtd, within a minute. */
  public Command.Result virsh(String... arguments) {
    return virsh(Waiting.GENEROUS, arguments);
  }

  public Command.Result virsh(Duration deadline, String... arguments) {
    List<String> command = new ArrayList<>(List.of("virsh", "-q"));
    command.addAll(List.of(arguments));
    return exec(deadline, command.toArray(String[]::new));
  }

  /** Opens a shell inside the host, for faults that must happen now. */
  public HostShell shell() {
    return new HostShell(this);
  }

  /** A command line that runs another one inside the host. */
  public List<String> entering(List<String> arguments) {
    if (init == null) {
      throw new IllegalStateException("host " + name() + " is off");
    }
    List<String> command = new ArrayList<>(List.of("nsenter", "-t", Long.toString(init.pid())));
    // The working directory is opened after entering: the JVM, for one, doesn't start in one
    // outside of its root.
    command.addAll(List.of("-m", "-u", "-i", "-n", "-p", "--wdns=/"));
    if (node != null) {
      command.add("-C");
      command.addAll(KubernetesNode.JOINING_CGROUPS);
    }
    command.addAll(arguments);
    return command;
  }

  /** All of its processes. */
  public List<HostProcess> processes() {
    return init == null ? List.of() : HostProcess.inNamespaceOf(init.pid());
  }

  /**
   * The numbers on this machine of all of its processes and, if it is a node, of those in its pods,
   * which are in namespaces of their own.
   */
  public List<Long> processesAndPods() {
    if (node == null) {
      return processes().stream().map(HostProcess::pid).toList();
    }
    try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
      return all.map(ProcessHandle::pid).filter(this::isInCgroup).toList();
    }
  }

  /** Those of them whose command line has that in it. */
  public List<Long> processesAndPods(String inCommandLine) {
    return processesAndPods().stream()
        .filter(pid -> saysOf(pid, "cmdline", inCommandLine))
        .toList();
  }

  private boolean isInCgroup(long pid) {
    return saysOf(pid, "cgroup", "/" + cgroup());
  }

  private static boolean saysOf(long pid, String file, String text) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/" + file)).contains(text);
    } catch (IOException e) {
      return false; // it has gone
    }
  }

  /** The QEMU process of a domain, however libvirt sees it; empty if there is none that lives. */
  public Optional<HostProcess> qemu(String domain) {
    return processes().stream()
        .filter(process -> process.arguments().getFirst().contains("qemu-system"))
        .filter(
            process ->
                process.arguments().stream()
                    .anyMatch(argument -> argument.startsWith("guest=" + domain + ",")))
        .findFirst();
  }

  /** The number on this machine of a domain's QEMU process. */
  public Optional<Long> qemuPid(String domain) {
    return qemu(domain).map(HostProcess::pid);
  }

  /**
   * How long the virtual processors of a domain have run so far, in nanoseconds: a guest whose
   * value grows is running, whatever anybody says. Empty if it has no QEMU process here.
   */
  public Optional<Long> vcpuNanoseconds(String domain) {
    return qemuPid(domain).map(HypervisorHost::vcpuNanoseconds);
  }

  private static long vcpuNanoseconds(long pid) {
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + pid + "/task"))) {
      long sum = 0;
      for (Path thread : threads.toList()) {
        if (Files.readString(thread.resolve("comm")).startsWith("CPU ")) {
          sum += Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ")[0]);
        }
      }
      return sum;
    } catch (IOException e) {
      return 0;
    }
  }

  /** The names of the files in a directory of the host, sorted. */
  public List<String> files(String path) {
    return exec("ls", "-1A", path).orThrow().out().lines().sorted().toList();
  }

  /**
   * Copies a disk image that no guest has open, as raw, to where this machine can read it.
   *
   * @return a file of this machine; the caller removes it
   */
  public Path dumpDisk(String path) {
    exec(Duration.ofMinutes(5), "qemu-img", "convert", "-O", "raw", path, "/etc/drover/dump.raw")
        .orThrow();
    return directory("etc").resolve("dump.raw");
  }

  /**
   * Makes a bridge for guests, with a line of its own into the testbed's network. Goes with the
   * host's power, or with {@link #removeGuestBridge}. It answers no ARP itself: the host would be
   * taken to live there, too.
   */
  public void addGuestBridge(String bridge) {
    String outer = "drover-g" + number;
    state.noteLink(outer);
    Command.of(
            "ip",
            "link",
            "add",
            outer,
            "type",
            "veth",
            "peer",
            "name",
            "guests0",
            "netns",
            Long.toString(java.util.Objects.requireNonNull(init).pid()))
        .output();
    Command.of("ip", "link", "set", outer, "master", Bridge.NAME, "up").output();
    exec(
            "sh",
            "-c",
            "ip link add \"$0\" type bridge forward_delay 0 && ip link set \"$0\" arp off && ip link set guests0 master \"$0\" up && ip link set \"$0\" up",
            bridge)
        .orThrow();
  }

  public void removeGuestBridge(String bridge) {
    exec("ip", "link", "del", bridge);
    exec("ip", "link", "del", "guests0");
  }

  /** Bytes that the host has sent since it was switched on. */
  public long sentBytes() {
    return counter("rx_bytes");
  }

  /** Bytes that the host has received since it was switched on. */
  public long receivedBytes() {
    return counter("tx_bytes");
  }

  /** Cuts its network off, in both directions and without a word to anybody's TCP. */
  public void cut() {
    Command.of("ip", "link", "set", link(), "down").output();
  }

  public void heal() {
    Command.of("ip", "link", "set", link(), "up").output();
  }

  /**
   * Drops what the host sends to another one from or to a TCP port; {@link #clearFirewall} ends it.
   */
  public void dropOutgoing(HypervisorHost peer, int port) {
    for (String side : List.of("--sport", "--dport")) {
      exec(
              "iptables",
              "-w",
              "-A",
              "OUTPUT",
              "-d",
              peer.ip(),
              "-p",
              "tcp",
              side,
              Integer.toString(port),
              "-j",
              "DROP")
          .orThrow();
    }
  }

  /** The same of a range of ports, from here to there only. */
  public void dropOutgoing(HypervisorHost peer, int firstPort, int lastPort) {
    exec(
            "iptables",
            "-w",
            "-A",
            "OUTPUT",
            "-d",
            peer.ip(),
            "-p",
            "tcp",
            "--dport",
            firstPort + ":" + lastPort,
            "-j",
            "DROP")
        .orThrow();
  }

  public void clearFirewall() {
    exec("iptables", "-w", "-F").orThrow();
  }

  /** The daemon's jars as the host has them, copied from the build's output. */
  Path appDirectory() {
    Path copy = state.data("apps/node-daemon");
    if (!copy.resolve("complete").toFile().exists()) {
      if (!Files.isDirectory(NodeDaemon.built())) {
        throw new IllegalStateException(
            "the daemon isn't built: there is no " + NodeDaemon.built());
      }
      Command.of("cp", "-r", NodeDaemon.built() + "/.", copy.toString()).output();
      Command.of("touch", copy.resolve("complete").toString()).output();
    }
    return copy;
  }

  String java() {
    return settings.hasJava() ? "java" : "/opt/jdk/bin/java";
  }

  Path directory(String name) {
    return state.data("hosts/" + name() + "/" + name);
  }

  private Path directory() {
    return state.data("hosts/" + name());
  }

  private String link() {
    return "drover-" + name();
  }

  /** Of this testbed alone: several, each in a network of its own, can be on one machine. */
  private String cgroup() {
    return "drover-%s-%s".formatted(name(), uuid);
  }

  private static String pool(String name, String path) {
    return "pool-define-as %1$s dir --target %2$s; pool-autostart %1$s; pool-start %1$s"
        .formatted(name, path);
  }

  private void prepareFiles() {
    for (String directory : List.of("upper", "work", "root", "etc", "log", "images")) {
      directory(directory);
    }
    var hosts = new StringBuilder("127.0.0.1 localhost\n");
    for (int other = 1; other <= 16; other++) {
      hosts.append(Bridge.addressOf(other)).append(" n").append(other).append('\n');
    }
    clock.install();
    write("hosts", hosts.toString());
    write("libvirtd.conf", HostSettings.libvirtdConf(uuid, tls));
    write("qemu.conf", settings.qemuConf());
    write("machine-id", uuid.replace("-", "") + "\n");
  }

  private ProcessMark startInit() {
    var builder =
        new ProcessBuilder(
            "unshare",
            "--mount",
            "--net",
            "--uts",
            "--ipc",
            "--pid",
            "--fork",
            "--kill-child",
            "--propagation",
            "private",
            Recipes.script("host-init"),
            directory().toString());
    Path ready = directory().resolve("ready.new");
    Path log = state.logs().resolve("host-" + name() + ".log");
    builder
        .environment()
        .putAll(
            Map.ofEntries(
                entry("HOST_NAME", name()),
                entry("ROOT", settings.root().toString()),
                entry("GUEST", Recipes.guest().toString()),
                entry("SHARED", state.data("shared").toString()),
                entry("APP", state.data("apps/node-daemon").toString()),
                entry("JDK", settings.hasJava() ? "" : System.getProperty("java.home")),
                entry("DEFAULT_POOL_MIB", Integer.toString(settings.defaultPoolMib())),
                entry("TINY_POOL_MIB", Integer.toString(settings.tinyPoolMib())),
                entry("CGROUP", node == null ? "" : cgroup()),
                entry("KUBERNETES", node == null ? "" : Recipes.nodes().toString())));
    builder.redirectErrorStream(true);
    builder.redirectInput(new File("/dev/null"));
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    try {
      Files.deleteIfExists(ready);
      Process unshare = builder.start();
      // Until the host's first process tells its number, this one stands for it: it takes its child
      // along.
      ProcessMark.of(unshare.pid()).ifPresent(mark -> state.note("unshare-" + name(), mark));
      return Waiting.untilPresent(
          "host %s boots (see %s)".formatted(name(), log),
          Waiting.GENEROUS,
          () -> {
            if (!unshare.isAlive()) {
              throw new AssertionError("host %s did not boot; see %s".formatted(name(), log));
            }
            return outerPid(ready);
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<ProcessMark> outerPid(Path ready) {
    try {
      String text = Files.readString(ready);
      return text.endsWith("\n") ? ProcessMark.of(Long.parseLong(text.strip())) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private void join(long pid) {
    // It goes with the host's network namespace, but some time after the host's last process.
    state.noteLink(link());
    Command.of(
            "ip",
            "link",
            "add",
            link(),
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            Long.toString(pid))
        .output();
    Command.of("ip", "link", "set", link(), "master", Bridge.NAME, "up").output();
    // An address has the same card behind it in each life of its host, as with real ones: the
    // others
    // would look for the old one for some seconds, longer than a daemon waits for a peer.
    exec(
            "sh",
            "-c",
            "ip link set eth0 address 02:98:00:00:%02x:%02x && ip addr add %s/24 dev eth0"
                    .formatted(number >> 8, number & 0xff, ip())
                + " && ip link set eth0 up && ip link set lo up")
        .orThrow();
  }

  private long counter(String name) {
    try {
      return Long.parseLong(
          Files.readString(Path.of("/sys/class/net", link(), "statistics", name)).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void write(String file, String text) {
    try {
      Files.writeString(directory().resolve(file), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
