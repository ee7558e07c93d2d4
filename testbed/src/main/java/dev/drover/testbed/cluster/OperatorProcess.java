package dev.drover.testbed.cluster;

import dev.drover.testbed.host.Http;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Service;
import dev.drover.testbed.process.StateDirectory;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.Secret;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Drover's operator: the real process, with the rights of the service account that the chart makes
 * for it. Several can be up at a time, as candidates for one lead.
 */
public final class OperatorProcess {

  public static final String NAMESPACE = "drover-system";
  public static final String SERVICE_ACCOUNT = "drover-operator";

  private static final String MAIN_CLASS = "dev.drover.operator.OperatorMain";
  private static final List<String> DEFAULT_JVM_OPTIONS =
      List.of("-Xmx256m", "-XX:+UseSerialGC", "--sun-misc-unsafe-memory-access=allow");
  private static final Duration TERMINATION_DEADLINE = Duration.ofSeconds(40);

  private final Service service;
  private final int httpPort;

  /**
   * @param name of this one among several, such as {@code operator}
   */
  public OperatorProcess(String name, StateDirectory state, ControlPlane controlPlane) {
    this(name, state, controlPlane, Map.of());
  }

  /**
   * @param extraEnvironment beside what it always gets, or in its place
   */
  public OperatorProcess(
      String name,
      StateDirectory state,
      ControlPlane controlPlane,
      Map<String, String> extraEnvironment) {
    Path jars = copyOfBuild(state);
    this.httpPort = freePort();
    // Bound to a pod like the daemons', but to one on a node that is no host.
    var identity =
        controlPlane.podBoundKubeconfig(
            NAMESPACE, SERVICE_ACCOUNT, "drover-" + name, "control-plane");
    Map<String, String> environment = new TreeMap<>();
    environment.put("KUBECONFIG", identity.kubeconfig().toString());
    environment.put("DROVER_NAMESPACE", NAMESPACE);
    environment.put("DROVER_POD_UID", identity.podUid());
    environment.put("DROVER_HTTP_ADDRESS", "127.0.0.1");
    environment.put("DROVER_HTTP_PORT", Integer.toString(httpPort));
    authority(state, controlPlane)
        .ifPresent(
            directory -> {
              environment.put("DROVER_CERTIFICATE_SIGNER", "drover.dev/host");
              environment.put("DROVER_CA_DIRECTORY", directory.toString());
            });
    environment.putAll(extraEnvironment);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    Path options = jars.resolve("jvm.options");
    if (Files.exists(options)) {
      command.add("@" + options);
    } else {
      command.addAll(DEFAULT_JVM_OPTIONS);
    }
    command.addAll(List.of("-cp", jars + "/*", MAIN_CLASS));
    this.service = new Service(name, state, command, environment);
  }

  /** Whether the build has put the operator where it is looked for. */
  public static boolean isBuilt() {
    return Files.isDirectory(built());
  }

  /** Starts it, unless it runs; {@link #awaitReady} tells when it works. */
  public void start() {
    service.start();
  }

  /** Waits until {@code /readyz} answers 200. */
  public void awaitReady() {
    LogTail.explaining(log(), () -> Waiting.until("the operator is ready", this::ready));
  }

  public boolean ready() {
    return Http.ok(httpUrl() + "/readyz");
  }

  public boolean running() {
    return service.running();
  }

  /** Its number on this machine; empty unless it runs. */
  public Optional<Long> pid() {
    return service.pid();
  }

  /** SIGKILL. */
  public void kill() {
    service.kill();
  }

  /** SIGTERM, and waits for its end. */
  public void stop() {
    service.terminate(TERMINATION_DEADLINE);
  }

  public void pause() {
    service.pause();
  }

  public void resume() {
    service.resume();
  }

  /** Kills it and starts it again; returns when it is ready. */
  public void restart() {
    kill();
    start();
    awaitReady();
  }

  /** Where its metrics and health are served. */
  public String httpUrl() {
    return "http://127.0.0.1:" + httpPort;
  }

  /** Standard output and standard error, over all its lives. */
  public Path log() {
    return service.log();
  }

  private static Path built() {
    return Recipes.sourceTree().resolve("operator/target/drover-operator");
  }

  /** A build in the meantime doesn't change what is running. */
  private static Path copyOfBuild(StateDirectory state) {
    Path copy = state.data("apps").resolve("operator");
    if (!Files.isDirectory(copy)) {
      if (!isBuilt()) {
        throw new IllegalStateException("the operator isn't built: there is no " + built());
      }
      Command.of("cp", "-r", built().toString(), copy.toString()).output();
    }
    return copy;
  }

  /** The CA that the chart has made, as a pod has it mounted; empty without the chart. */
  private static Optional<Path> authority(StateDirectory state, ControlPlane controlPlane) {
    Secret secret =
        controlPlane.client().secrets().inNamespace(NAMESPACE).withName("drover-ca").get();
    if (secret == null) {
      return Optional.empty();
    }
    Path directory = state.data("apps/ca");
    secret
        .getData()
        .forEach(
            (name, base64) -> {
              try {
                Files.write(directory.resolve(name), Base64.getDecoder().decode(base64));
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    return Optional.of(directory);
  }

  private static int freePort() {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
