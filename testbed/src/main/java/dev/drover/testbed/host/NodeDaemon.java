package dev.drover.testbed.host;

import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Drover's daemon on a host: the real process, in the host's namespaces, with the token of a pod on
 * that node. It runs from a copy of the built jars, so that a build in the meantime doesn't change
 * what is running.
 */
public final class NodeDaemon extends HostService {

  /**
   * Names, in the environment of this process, where tests write what daemons have seen of
   * transfers.
   */
  public static final String TRACES_DIRECTORY = "TRACES_DIRECTORY";

  public static final String NAMESPACE = "drover-system";
  public static final String SERVICE_ACCOUNT = "drover-node-daemon";
  public static final int HTTP_PORT = 9810;

  private static final String MAIN_CLASS = "dev.drover.node.DaemonMain";
  private static final List<String> DEFAULT_JVM_OPTIONS =
      List.of(
          "-Djna.encoding=UTF-8",
          "--enable-native-access=ALL-UNNAMED",
          "--finalization=disabled",
          "-Xmx160m",
          "-XX:+UseSerialGC");

  /**
   * As a container without {@code privileged} has it: what it holds are the capabilities that it is
   * given, its root and libvirt's directory are read-only, and it gains nothing by exec. (No
   * seccomp: that takes a container runtime.)
   */
  private static final String CONFINE =
      """
      mount --bind /run/libvirt /run/libvirt && mount -o remount,bind,ro /run/libvirt \
        && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /tmp \
        && exec setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set="$0" "$@"
      """;

  private final ControlPlane controlPlane;
  private final Map<String, String> extraEnvironment = new TreeMap<>();
  private @Nullable List<String> capabilities;
  private ControlPlane.@Nullable PodIdentity identity;

  NodeDaemon(HypervisorHost host, ControlPlane controlPlane) {
    super(host, "the daemon", process -> process.arguments().contains(MAIN_CLASS));
    this.controlPlane = controlPlane;
  }

  /** Sets a variable of its environment, from the next start on. */
  public NodeDaemon with(String variable, String value) {
    extraEnvironment.put(variable, value);
    return this;
  }

  /** Undoes {@link #with}, from the next start on. */
  public NodeDaemon without(String variable) {
    extraEnvironment.remove(variable);
    return this;
  }

  /** Kills it and starts it again, with what {@link #with} has changed; returns when it works. */
  public void restart() {
    kill();
    start();
    awaitReady();
  }

  /**
   * Gives it no more than a container without {@code privileged} has, from the next start on.
   *
   * @param capabilities as Kubernetes calls them: {@code NET_ADMIN}
   */
  public NodeDaemon confined(List<String> capabilities) {
    this.capabilities = List.copyOf(capabilities);
    return this;
  }

  /** Undoes {@link #confined}, from the next start on. */
  public NodeDaemon unconfined() {
    capabilities = null;
    return this;
  }

  /** Starts the process; {@link #awaitReady} tells when it works. */
  @Override
  public synchronized void start() {
    if (running()) {
      return;
    }
    Path jars = host().appDirectory();
    // The token of the pod, whose container is restarted: a kubelet doesn't ask for a new one
    // either.
    var identity = this.identity;
    if (identity == null) {
      identity =
          controlPlane.podBoundKubeconfig(
              NAMESPACE, SERVICE_ACCOUNT, SERVICE_ACCOUNT + "-" + host().name(), host().name());
      this.identity = identity;
    }
    try {
      Files.copy(
          identity.kubeconfig(),
          host().directory("etc").resolve("kubeconfig"),
          StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Map<String, String> environment = new TreeMap<>();
    environment.put("KUBECONFIG", "/etc/drover/kubeconfig");
    environment.put("DROVER_NODE_NAME", host().name());
    environment.put("DROVER_POD_UID", identity.podUid());
    environment.put("DROVER_NAMESPACE", NAMESPACE);
    environment.put("DROVER_GUEST_NAMESPACE", "default");
    environment.put("DROVER_MIGRATION_ADDRESS", host().ip());
    environment.put("DROVER_LIBVIRT_URI", "qemu:///system");
    environment.put("DROVER_PEER_TRANSPORT", "tcp");
    environment.put("DROVER_HTTP_ADDRESS", "0.0.0.0");
    environment.put("DROVER_HTTP_PORT", Integer.toString(HTTP_PORT));
    if (System.getenv(TRACES_DIRECTORY) != null) {
      environment.put("DROVER_TRACE_LEVEL", "DEBUG");
    }
    environment.putAll(extraEnvironment);

    List<String> command = new ArrayList<>();
    var capabilities = this.capabilities;
    if (capabilities != null) {
      command.addAll(List.of("unshare", "--mount", "sh", "-c", CONFINE, boundingSet(capabilities)));
    }
    command.addAll(List.of("env", HostClock.PRELOAD, host().java()));
    if (Files.exists(jars.resolve("jvm.options"))) {
      command.add("@/opt/drover/node-daemon/jvm.options");
    } else {
      command.addAll(DEFAULT_JVM_OPTIONS);
    }
    command.addAll(List.of("-cp", "/opt/drover/node-daemon/*", MAIN_CLASS));
    startDetached(command, environment, log());
  }

  /** Capabilities as Kubernetes calls them, as setpriv wants them. */
  public static String boundingSet(List<String> capabilities) {
    return Stream.concat(
            Stream.of("-all"), capabilities.stream().map(c -> "+" + c.toLowerCase(Locale.ROOT)))
        .collect(Collectors.joining(","));
  }

  /** Waits until it says that it is ready. */
  public void awaitReady() {
    LogTail.explaining(
        log(),
        () ->
            Waiting.until(
                "the daemon on " + host().name() + " is ready",
                () -> Http.ok(httpUrl() + "/readyz")));
  }

  /** Where its metrics and health are served. */
  public String httpUrl() {
    return "http://" + host().ip() + ":" + HTTP_PORT;
  }

  /** Standard output and standard error, over all its lives. */
  public Path log() {
    return host().directory("log").resolve("drover-node-daemon.log");
  }

  /** Where the build puts the daemon's jars. */
  static Path built() {
    return Recipes.sourceTree().resolve("node-daemon/target/drover-node-daemon");
  }
}
