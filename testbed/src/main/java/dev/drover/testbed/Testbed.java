package dev.drover.testbed;

import dev.drover.testbed.cluster.CertManager;
import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.cluster.HelmRelease;
import dev.drover.testbed.cluster.OperatorProcess;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.host.Bridge;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.Http;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.host.KubernetesNode;
import dev.drover.testbed.host.NodeDaemon;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.ProcessMemory;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.StateDirectory;
import dev.drover.testbed.storage.StorageServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A control plane, hypervisor hosts, and, if wanted, Drover itself. There is one on a machine at a
 * time; it needs root.
 *
 * <p>{@link #close} leaves nothing behind: no process, network link, mount or file. A JVM that is
 * killed leaves everything, and the next testbed removes it before it starts.
 */
public final class Testbed implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Testbed.class);

  /**
   * Under this name the testbed is noted, so that a later run, or {@code ./demo down}, finds it.
   */
  private static final String NAME = "main";

  /** Each has an image. */
  private static final List<String> COMPONENTS = List.of("operator", "node-daemon");

  private final StateDirectory state;
  private final HostSettings usual;
  private final ControlPlane controlPlane;
  private final List<HypervisorHost> hosts = Collections.synchronizedList(new ArrayList<>());
  private final List<Guest> guests = Collections.synchronizedList(new ArrayList<>());
  private final long startedNanos = System.nanoTime();
  private Duration startTime = Duration.ZERO;
  private @Nullable OperatorProcess operator;
  private boolean droverInstalled;

  private Testbed(StateDirectory state, HostSettings usual) {
    this.state = state;
    this.usual = usual;
    long started = System.nanoTime();
    Bridge.create(state);
    this.controlPlane =
        usual.node()
            ? ControlPlane.startWithScheduler(state, Bridge.ADDRESS)
            : ControlPlane.start(state, Bridge.ADDRESS);
    logReady("The control plane", started);
  }

  /** Starts a control plane and so many like hosts. */
  public static Testbed start(int hosts) {
    return start(Collections.nCopies(hosts, HostSettings.defaults()));
  }

  /**
   * Starts a control plane and so many like hosts that are nodes of the cluster, too. Returns when
   * all of them are Ready. {@link #installDrover} then installs it as its users do.
   */
  public static Testbed startWithNodes(int hosts) {
    return start(Collections.nCopies(hosts, HostSettings.defaults().asNode()));
  }

  /**
   * Starts a control plane and hosts, {@code n1} being the first. Returns when all of it answers.
   */
  public static Testbed start(List<HostSettings> hosts) {
    // Before anything is up: the first time, this takes minutes.
    Recipes.controlPlane();
    Recipes.guest();
    hosts.stream().distinct().forEach(HostSettings::root);
    HostSettings usual = HostSettings.defaults();
    if (hosts.stream().anyMatch(HostSettings::node)) {
      Recipes.nodes();
      usual = usual.asNode();
    }
    StateDirectory state = StateDirectory.open(NAME);
    try {
      var testbed = new Testbed(state, usual);
      testbed.addHosts(hosts);
      testbed.startTime = Duration.ofNanos(System.nanoTime() - testbed.startedNanos);
      return testbed;
    } catch (RuntimeException e) {
      state.close();
      throw e;
    }
  }

  /** Removes what a testbed left that was kept, or whose JVM was killed. */
  public static void removeLeftOver() {
    StateDirectory.open(NAME).close();
  }

  /** Adds hosts, numbered on; they boot at the same time. */
  public void addHosts(List<HostSettings> settings) {
    if (settings.isEmpty()) {
      return;
    }
    long started = System.nanoTime();
    List<CompletableFuture<Void>> boots = new ArrayList<>();
    for (HostSettings each : settings) {
      var host = new HypervisorHost(state, hosts.size() + 1, each, controlPlane);
      hosts.add(host);
      boots.add(CompletableFuture.runAsync(host::powerOn, Thread::startVirtualThread));
    }
    // All of them, also if one fails: what is still starting could not be removed.
    CompletableFuture.allOf(boots.toArray(CompletableFuture[]::new)).join();
    nodes().forEach(KubernetesNode::awaitReady);
    logReady(settings.size() + " host(s)", started);
  }

  private static void logReady(String what, long startedNanos) {
    long milliseconds = Duration.ofNanos(System.nanoTime() - startedNanos).toMillis();
    LOG.atInfo().addKeyValue("what", what).addKeyValue("milliseconds", milliseconds).log("Ready");
  }

  /**
   * Adds a host of its own kind, with a daemon if Drover is installed; {@link #removeHost} ends it.
   */
  public HypervisorHost addHost(HostSettings settings) {
    addHosts(List.of(settings));
    if (droverInstalled) {
      startDaemons();
    }
    return hosts.getLast();
  }

  /**
   * Takes away the host that was added last: its processes, its disks, and what the cluster knows
   * of it.
   */
  public void removeHost(HypervisorHost host) {
    if (!host.equals(hosts.getLast())) {
      throw new IllegalArgumentException("only the last host can go: hosts are numbered");
    }
    host.scrap();
    hosts.remove(host);
    kubectl("delete", "hvn", host.name(), "--ignore-not-found").orThrow();
    if (host.settings().node()) {
      kubectl("delete", "node", host.name(), "--ignore-not-found").orThrow();
    }
  }

  /** Adds hosts of the default kind until there are so many. */
  public void ensureHosts(int count) {
    addHosts(Collections.nCopies(Math.max(0, count - hosts.size()), usual));
    if (droverInstalled) {
      startDaemons();
    }
  }

  /**
   * Applies the chart's objects, and starts the operator and a daemon on every host. With nodes:
   * installs the chart with Helm, and operator and daemons are pods. Returns when all are ready.
   */
  public void installDrover() {
    if (hasNodes()) {
      installRelease();
      return;
    }
    if (!droverInstalled) {
      ChartInstallation.apply(controlPlane);
      droverInstalled = true;
    }
    long started = System.nanoTime();
    operator().start();
    startDaemons();
    operator().awaitReady();
    logReady("Drover", started);
  }

  private void installRelease() {
    long started = System.nanoTime();
    if (!droverInstalled) {
      for (String component : COMPONENTS) {
        load(Recipes.image(component));
      }
      // For `helm test`.
      load(Recipes.nodes().resolve("kubectl.tar"));
      release().install(Map.of());
      droverInstalled = true;
    }
    awaitPods();
    logReady("Drover's pods", started);
  }

  /** Drover as Helm knows it; only with nodes. */
  public HelmRelease release() {
    return new HelmRelease(controlPlane);
  }

  /**
   * The same release, of an earlier version's chart; its images are loaded into the nodes.
   *
   * @param previous what {@link Recipes#previous} has made
   */
  public HelmRelease release(Path previous) {
    COMPONENTS.forEach(component -> load(previous.resolve(component + ".tar")));
    return new HelmRelease(controlPlane, previous.resolve("chart"));
  }

  private void load(Path image) {
    nodes().forEach(node -> node.load(image));
  }

  private void startDaemons() {
    if (hasNodes()) {
      // The DaemonSet's business.
      awaitPods();
      return;
    }
    List<NodeDaemon> daemons = hosts().stream().map(HypervisorHost::daemon).toList();
    daemons.forEach(NodeDaemon::start);
    daemons.forEach(NodeDaemon::awaitReady);
  }

  private void awaitPods() {
    release().awaitRollout();
    hosts().forEach(HypervisorHost::speakTls);
  }

  /** Undoes faults: whatever was killed, cut, frozen or switched off works again afterwards. */
  public void repair() {
    if (!controlPlane.etcd().running() || !controlPlane.apiServer().running()) {
      controlPlane.etcd().start();
      controlPlane.apiServer().start();
    }
    controlPlane.etcd().resume();
    controlPlane.apiServer().resume();
    controlPlane.awaitReady();
    for (HypervisorHost host : hosts()) {
      if (!host.isOn()) {
        host.powerOn();
      }
      host.heal();
      host.clearFirewall();
      host.libvirtd().resume();
      host.daemon().resume();
      host.libvirtd().start();
    }
    nodes().forEach(KubernetesNode::repair);
    if (droverInstalled) {
      if (!hasNodes()) {
        operator().resume();
      }
      installDrover();
    }
  }

  /** Whether the hosts are nodes of the cluster, too. */
  public boolean hasNodes() {
    return usual.node();
  }

  /** How long it took from nothing, once all was built, until all of it answered. */
  public Duration startTime() {
    return startTime;
  }

  /**
   * The memory of all of its processes in bytes: the control plane's and the hosts', with their
   * guests and pods. Pages that several share are counted once (PSS).
   */
  public long memoryBytes() {
    return Stream.concat(
                controlPlane.pids().stream(),
                hosts().stream().map(HypervisorHost::processesAndPods).flatMap(List::stream))
            .mapToLong(ProcessMemory::proportionalKib)
            .sum()
        << 10;
  }

  private List<KubernetesNode> nodes() {
    return hosts().stream()
        .filter(host -> host.settings().node())
        .map(HypervisorHost::node)
        .toList();
  }

  public ControlPlane controlPlane() {
    return controlPlane;
  }

  public List<HypervisorHost> hosts() {
    return List.copyOf(hosts);
  }

  /**
   * A host by its name.
   *
   * @param name {@code n1}, {@code n2}, ...
   */
  public HypervisorHost host(String name) {
    return hosts().stream()
        .filter(host -> host.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new NoSuchElementException("the testbed has no host " + name));
  }

  /** The operator, running or not. */
  public synchronized OperatorProcess operator() {
    if (operator == null) {
      operator = new OperatorProcess("operator", state, controlPlane);
    }
    return operator;
  }

  /** Another operator beside the first, not started: for tests of the lead. */
  public OperatorProcess anotherOperator(String name) {
    return new OperatorProcess(name, state, controlPlane);
  }

  /** The same with other settings. */
  public OperatorProcess anotherOperator(String name, Map<String, String> environment) {
    return new OperatorProcess(name, state, controlPlane, environment);
  }

  /** Starts cert-manager, with an issuer that has a CA of its own. */
  public CertManager startCertManager() {
    return CertManager.start(state, controlPlane);
  }

  /** Starts a server of one network volume; once per testbed and protocol. */
  public StorageServer storage(StorageServer.Protocol protocol, int sizeMib) {
    return StorageServer.start(state, protocol, sizeMib);
  }

  /** A guest, not started. It goes with the testbed, or with the test that made it. */
  public Guest guest(GuestSpec spec) {
    var guest = new Guest(spec, hosts());
    guests.add(guest);
    return guest;
  }

  /** The guests that were made and not yet removed. */
  public List<Guest> guests() {
    return List.copyOf(guests);
  }

  /** Destroys all guests on all hosts, and removes their disks. */
  public void removeGuests() {
    for (Guest guest : guests()) {
      guest.close();
      guests.remove(guest);
    }
  }

  /** Runs kubectl as admin. */
  public Command.Result kubectl(String... arguments) {
    return controlPlane.kubectl(arguments);
  }

  /** The metrics of the operator or of a daemon, in Prometheus's text format. */
  public String metrics(String httpUrl) {
    return Http.get(httpUrl + "/metrics");
  }

  /** The logs of all that this machine runs; the hosts' own are in {@link #hostLogs}. */
  public Path logs() {
    return state.logs();
  }

  /** The directory of a host's logs: libvirtd, QEMU, the daemon. */
  public Path hostLogs(HypervisorHost host) {
    return state.data("hosts/" + host.name() + "/log");
  }

  /** A directory that lives as long as the testbed. */
  public Path scratch(String name) {
    return state.data("scratch/" + name);
  }

  /** Lets the testbed stay up beyond this JVM. */
  public void keep() {
    guests.forEach(guest -> guest.observer().close());
    state.release();
  }

  /** The files in the order in which a person would want to read them. */
  public Stream<Path> logFiles() {
    Stream<Path> daemons = hosts().stream().map(host -> host.daemon().log());
    Stream<Path> pods = nodes().stream().flatMap(node -> node.podLogs().stream());
    Stream<Path> libvirt = hosts().stream().map(host -> hostLogs(host).resolve("libvirtd.log"));
    Stream<Path> qemu =
        hosts().stream()
            .flatMap(
                host ->
                    guests().stream()
                        .map(guest -> hostLogs(host).resolve("qemu/" + guest.name() + ".log")));
    return Stream.of(Stream.of(logs().resolve("operator.log")), daemons, pods, libvirt, qemu)
        .flatMap(files -> files);
  }

  @Override
  public void close() {
    guests.forEach(guest -> guest.observer().close());
    try {
      controlPlane.close();
    } finally {
      state.close();
    }
  }
}
