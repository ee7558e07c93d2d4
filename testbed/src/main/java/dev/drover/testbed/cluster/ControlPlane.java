package dev.drover.testbed.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Service;
import dev.drover.testbed.process.StateDirectory;
import dev.drover.testbed.process.Waiting;
import io.fabric8.kubernetes.api.model.AuthInfoBuilder;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.authentication.TokenRequest;
import io.fabric8.kubernetes.api.model.authentication.TokenRequestBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * etcd, kube-apiserver and the controller manager's collectors, as processes of this machine, and
 * kubectl.
 *
 * <p>Unless it was {@linkplain #startWithScheduler started for nodes}, there is no kubelet and no
 * scheduler: a Node or Pod is only what is written about it, and nothing judges its health. Service
 * accounts, RBAC, admission policies and pod-bound tokens are the real ones. Usable by itself,
 * without hosts and without root; several can be up at a time. About 5 s until it is ready.
 */
public final class ControlPlane implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ControlPlane.class);
  private static final Duration START_DEADLINE = Duration.ofMinutes(2);
  private static final long TOKEN_LIFE_SECONDS = Duration.ofDays(1).toSeconds();
  private static final String AUDIT_POLICY =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      omitStages: [RequestReceived]
      rules:
        - level: None
          verbs: [get, list, watch]
        - level: Metadata
      """;

  /**
   * Neither node-lifecycle nor pod garbage collection: both would judge hosts that have no kubelet.
   */
  private static final String CONTROLLERS =
      String.join(
          ",",
          "namespace-controller",
          "garbage-collector-controller",
          "serviceaccount-controller",
          "root-ca-certificate-publisher-controller",
          "clusterrole-aggregation-controller",
          "validatingadmissionpolicy-status-controller");

  private static final String STANDALONE_PREFIX = "control-plane-";

  private final StateDirectory state;
  private final boolean ownsState;
  private final Path binaries;
  private final String server;
  private final Path adminKubeconfig;
  private final Service etcd;
  private final Service apiServer;
  private final Service controllerManager;
  private final @Nullable Service scheduler;
  private @Nullable KubernetesClient client;

  private ControlPlane(
      StateDirectory state, boolean ownsState, String address, boolean withScheduler) {
    this.state = state;
    this.ownsState = ownsState;
    this.binaries = Recipes.controlPlane();
    Path keys = state.data("pki");
    Command.of(Recipes.script("pki"), keys.toString(), address).output();
    String etcdUrl = "http://127.0.0.1:" + freePort("127.0.0.1");
    String etcdPeerUrl = "http://127.0.0.1:" + freePort("127.0.0.1");
    int port = freePort(address);
    this.server = "https://" + address + ":" + port;
    String adminToken = UUID.randomUUID().toString();
    String controllerManagerToken = UUID.randomUUID().toString();
    String schedulerToken = UUID.randomUUID().toString();
    Path tokens =
        write(
            keys.resolve("tokens.csv"),
            adminToken
                + ",admin,admin,\"system:masters\"\n"
                + controllerManagerToken
                + ",system:kube-controller-manager,kcm,\"\"\n"
                + schedulerToken
                + ",system:kube-scheduler,scheduler,\"\"\n");
    Path auditPolicy = write(keys.resolve("audit-policy.yaml"), AUDIT_POLICY);
    this.adminKubeconfig = kubeconfig(keys.resolve("admin.kubeconfig"), adminToken, "default");
    this.etcd =
        service(
            "etcd",
            // The database dies with the testbed: durability is not worth the time.
            "--unsafe-no-fsync",
            "--data-dir=" + state.data().resolve("etcd"),
            "--listen-client-urls=" + etcdUrl,
            "--advertise-client-urls=" + etcdUrl,
            "--listen-peer-urls=" + etcdPeerUrl,
            "--initial-advertise-peer-urls=" + etcdPeerUrl,
            "--initial-cluster=default=" + etcdPeerUrl,
            "--log-level=warn");
    this.apiServer =
        service(
            "kube-apiserver",
            "--etcd-servers=" + etcdUrl,
            "--bind-address=" + address,
            "--secure-port=" + port,
            "--advertise-address=" + address,
            "--service-cluster-ip-range=10.96.0.0/16",
            "--tls-cert-file=" + keys.resolve("apiserver.crt"),
            "--tls-private-key-file=" + keys.resolve("apiserver.key"),
            "--token-auth-file=" + tokens,
            "--client-ca-file=" + keys.resolve("ca.crt"),
            "--kubelet-client-certificate=" + keys.resolve("kubelet-client.crt"),
            "--kubelet-client-key=" + keys.resolve("kubelet-client.key"),
            "--kubelet-certificate-authority=" + keys.resolve("ca.crt"),
            "--kubelet-preferred-address-types=InternalIP",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction,ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-signing-key-file=" + keys.resolve("sa.key"),
            "--service-account-key-file=" + keys.resolve("sa.pub"),
            "--audit-policy-file=" + auditPolicy,
            "--audit-log-path=" + auditLogFile(),
            "--allow-privileged=true");
    List<String> controllerManagerFlags =
        new ArrayList<>(
            List.of(
                "--root-ca-file=" + keys.resolve("ca.crt"),
                "--leader-elect=false",
                "--secure-port=0"));
    if (withScheduler) {
      Path itsKubeconfig =
          kubeconfig(
              keys.resolve("controller-manager.kubeconfig"), controllerManagerToken, "default");
      controllerManagerFlags.add("--kubeconfig=" + itsKubeconfig);
      controllerManagerFlags.add("--use-service-account-credentials=true");
      controllerManagerFlags.add("--service-account-private-key-file=" + keys.resolve("sa.key"));
    } else {
      controllerManagerFlags.add("--kubeconfig=" + adminKubeconfig);
      controllerManagerFlags.add("--controllers=" + CONTROLLERS);
    }
    this.controllerManager =
        service("kube-controller-manager", controllerManagerFlags.toArray(String[]::new));
    this.scheduler =
        withScheduler
            ? new Service(
                "kube-scheduler",
                state,
                List.of(
                    Recipes.nodes().resolve("kube-scheduler").toString(),
                    "--kubeconfig="
                        + kubeconfig(
                            keys.resolve("scheduler.kubeconfig"), schedulerToken, "default"),
                    "--leader-elect=false",
                    "--secure-port=0"),
                Map.of())
            : null;
  }

  /**
   * Starts one of its own on 127.0.0.1, and returns when it is ready. {@link #close} removes every
   * trace of it.
   */
  public static ControlPlane standalone() {
    StateDirectory.removeAbandoned(STANDALONE_PREFIX);
    var state = StateDirectory.open(STANDALONE_PREFIX + UUID.randomUUID());
    try {
      return start(state, true, "127.0.0.1", false);
    } catch (RuntimeException e) {
      state.close();
      throw e;
    }
  }

  /**
   * Starts one whose API server listens on an address of this machine, and returns when it is
   * ready.
   *
   * @param state where it keeps its data and is noted; not closed by {@link #close}
   */
  public static ControlPlane start(StateDirectory state, String address) {
    return start(state, false, address, false);
  }

  /**
   * The same with a scheduler and all controllers, as a cluster has them whose nodes have kubelets.
   */
  public static ControlPlane startWithScheduler(StateDirectory state, String address) {
    return start(state, false, address, true);
  }

  private static ControlPlane start(
      StateDirectory state, boolean ownsState, String address, boolean withScheduler) {
    var controlPlane = new ControlPlane(state, ownsState, address, withScheduler);
    controlPlane.etcd.start();
    controlPlane.apiServer.start();
    controlPlane.awaitReady();
    if (Files.isExecutable(controlPlane.binaries.resolve("kube-controller-manager"))) {
      controlPlane.controllerManager.start();
    } else {
      LOG.atWarn().log("No kube-controller-manager: nothing collects garbage");
    }
    if (controlPlane.scheduler != null) {
      controlPlane.scheduler.start();
    }
    return controlPlane;
  }

  /** Waits until the API server says that it is ready: after a restart, say. */
  public void awaitReady() {
    LogTail.explaining(
        apiServer.log(),
        () ->
            Waiting.until(
                "kube-apiserver is ready",
                START_DEADLINE,
                () -> "ok".equals(client().raw("/readyz"))));
  }

  /** The URL of the API server. */
  public String server() {
    return server;
  }

  public Path adminKubeconfig() {
    return adminKubeconfig;
  }

  /** A client that may do everything. It is shared: don't close it. */
  public synchronized KubernetesClient client() {
    if (client == null) {
      client = client(adminKubeconfig);
    }
    return client;
  }

  /** A client with the rights of a kubeconfig. The caller closes it. */
  public KubernetesClient client(Path kubeconfig) {
    var config = Config.fromKubeconfig(kubeconfig.toFile());
    config.setRequestRetryBackoffLimit(0);
    return new KubernetesClientBuilder().withConfig(config).build();
  }

  /** Runs kubectl as admin, and returns what came of it. */
  public Command.Result kubectl(String... arguments) {
    return kubectlAs(adminKubeconfig, "", arguments);
  }

  /**
   * Runs kubectl as admin with something on its standard input, as in {@code kubectl apply -f -}.
   */
  public Command.Result kubectlWithInput(String input, String... arguments) {
    return kubectlAs(adminKubeconfig, input, arguments);
  }

  /** Runs kubectl with the rights of a kubeconfig. */
  public Command.Result kubectlAs(Path kubeconfig, String input, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(kubectlBinary().toString());
    command.addAll(List.of(arguments));
    return Command.of(command)
        .with(kubectlEnvironment(kubeconfig))
        .withInput(input)
        .within(Duration.ofMinutes(3))
        .run();
  }

  public Path kubectlBinary() {
    return binaries.resolve("kubectl");
  }

  /**
   * What kubectl needs in its environment; it keeps its cache with the testbed, not in the home
   * directory.
   */
  public Map<String, String> kubectlEnvironment(Path kubeconfig) {
    return Map.of(
        "KUBECONFIG", kubeconfig.toString(), "KUBECACHEDIR", state.data("kubectl").toString());
  }

  /**
   * A kubeconfig with a token of a service account; namespace and service account are made if they
   * aren't there.
   */
  public Path serviceAccountKubeconfig(String namespace, String serviceAccount) {
    ensureServiceAccount(namespace, serviceAccount);
    return kubeconfig(
        namespace,
        serviceAccount,
        serviceAccount,
        new TokenRequestBuilder()
            .withNewSpec()
            .withExpirationSeconds(TOKEN_LIFE_SECONDS)
            .endSpec()
            .build());
  }

  /**
   * A kubeconfig with a token that is bound to a pod on a node, and so carries the node's name as a
   * claim. Node, pod, namespace and service account are made if they aren't there.
   */
  public PodIdentity podBoundKubeconfig(
      String namespace, String serviceAccount, String podName, String nodeName) {
    ensureServiceAccount(namespace, serviceAccount);
    if (client().nodes().withName(nodeName).get() == null) {
      client()
          .nodes()
          .resource(new NodeBuilder().withNewMetadata().withName(nodeName).endMetadata().build())
          .create();
    }
    Pod pod = client().pods().inNamespace(namespace).withName(podName).get();
    if (pod == null) {
      pod =
          client()
              .pods()
              .inNamespace(namespace)
              .resource(pod(serviceAccount, podName, nodeName))
              .create();
    }
    Path kubeconfig =
        kubeconfig(
            namespace,
            serviceAccount,
            serviceAccount + "-" + podName,
            new TokenRequestBuilder()
                .withNewSpec()
                .withExpirationSeconds(TOKEN_LIFE_SECONDS)
                .withNewBoundObjectRef()
                .withApiVersion("v1")
                .withKind("Pod")
                .withName(podName)
                .withUid(pod.getMetadata().getUid())
                .endBoundObjectRef()
                .endSpec()
                .build());
    return new PodIdentity(kubeconfig, namespace, podName, pod.getMetadata().getUid(), nodeName);
  }

  /**
   * Makes the keys and the kubeconfig of a node's kubelet.
   *
   * @param directory where they are written, as {@code kubelet.crt}, {@code kubelet.key}, {@code
   *     ca.crt} and {@code kubelet.kubeconfig}
   * @param seenAs the name of that directory where the kubelet runs
   */
  public void writeNodeCredentials(String node, String address, Path directory, String seenAs) {
    Path keys = state.data("pki");
    Command.of(Recipes.script("pki"), keys.toString(), address, node).output();
    try {
      Files.copy(keys.resolve(node + ".crt"), directory.resolve("kubelet.crt"), REPLACE_EXISTING);
      Files.copy(keys.resolve(node + ".key"), directory.resolve("kubelet.key"), REPLACE_EXISTING);
      Files.copy(keys.resolve("ca.crt"), directory.resolve("ca.crt"), REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Kubeconfig.write(
        directory.resolve("kubelet.kubeconfig"),
        server,
        keys.resolve("ca.crt"),
        new AuthInfoBuilder()
            .withClientCertificate(seenAs + "/kubelet.crt")
            .withClientKey(seenAs + "/kubelet.key")
            .build(),
        "default");
  }

  private Path kubeconfig(Path file, String token, String namespace) {
    return Kubeconfig.write(
        file,
        server,
        state.data("pki").resolve("ca.crt"),
        new AuthInfoBuilder().withToken(token).build(),
        namespace);
  }

  private Path kubeconfig(
      String namespace, String serviceAccount, String fileName, TokenRequest request) {
    String token =
        client()
            .serviceAccounts()
            .inNamespace(namespace)
            .withName(serviceAccount)
            .tokenRequest(request)
            .getStatus()
            .getToken();
    return kubeconfig(
        state.data("kubeconfigs").resolve(namespace + "-" + fileName), token, namespace);
  }

  private static Pod pod(String serviceAccount, String name, String nodeName) {
    return new PodBuilder()
        .withNewMetadata()
        .withName(name)
        .addToLabels("app.kubernetes.io/part-of", "drover-testbed")
        .endMetadata()
        .withNewSpec()
        .withServiceAccountName(serviceAccount)
        .withNodeName(nodeName)
        .addNewContainer()
        .withName("process")
        .withImage("drover.dev/runs-as-a-process-of-the-testbed")
        .endContainer()
        .endSpec()
        .build();
  }

  private void ensureServiceAccount(String namespace, String name) {
    if (client().namespaces().withName(namespace).get() == null) {
      client()
          .namespaces()
          .resource(
              new NamespaceBuilder().withNewMetadata().withName(namespace).endMetadata().build())
          .create();
    }
    if (client().serviceAccounts().inNamespace(namespace).withName(name).get() == null) {
      client()
          .serviceAccounts()
          .inNamespace(namespace)
          .resource(
              new ServiceAccountBuilder().withNewMetadata().withName(name).endMetadata().build())
          .create();
    }
  }

  /** Every request that wanted to change something, since the control plane was started. */
  public AuditLog auditLog() {
    return new AuditLog(auditLogFile());
  }

  private Path auditLogFile() {
    return state.logs().resolve("audit.log");
  }

  public Service etcd() {
    return etcd;
  }

  /** Kill, pause and start it at will; {@link #awaitReady} afterwards. */
  public Service apiServer() {
    return apiServer;
  }

  public Service controllerManager() {
    return controllerManager;
  }

  /** The numbers of its processes. */
  public List<Long> pids() {
    return Stream.of(
            Optional.of(etcd),
            Optional.of(apiServer),
            Optional.of(controllerManager),
            Optional.ofNullable(scheduler))
        .flatMap(Optional::stream)
        .flatMap(service -> service.pid().stream())
        .toList();
  }

  /** Kills all of it. Its data stays until the state directory is cleared. */
  @Override
  public void close() {
    if (client != null) {
      client.close();
    }
    if (scheduler != null) {
      scheduler.kill();
    }
    controllerManager.kill();
    apiServer.kill();
    etcd.kill();
    if (ownsState) {
      state.close();
    }
  }

  private Service service(String binary, String... flags) {
    List<String> command = new ArrayList<>();
    command.add(binaries.resolve(binary).toString());
    command.addAll(List.of(flags));
    return new Service(binary, state, command, Map.of());
  }

  private static int freePort(String address) {
    try (var socket = new ServerSocket(0, 1, InetAddress.getByName(address))) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path write(Path file, String text) {
    try {
      return Files.writeString(file, text, UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a process needs in order to be the pod that it stands for. */
  public record PodIdentity(
      Path kubeconfig, String namespace, String podName, String podUid, String nodeName) {}
}
