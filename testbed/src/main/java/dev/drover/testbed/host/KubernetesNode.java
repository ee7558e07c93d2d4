package dev.drover.testbed.host;

import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What makes a node of a host: containerd and a kubelet beside its libvirtd, in the host's
 * namespaces, and a network for its pods. There is no registry: images are {@linkplain #load
 * loaded}.
 *
 * <p>Pods that are not in the host's network reach the API server and the pods of their own node.
 */
public final class KubernetesNode {

  /** A command runs in the host's cgroups, not only in view of them. */
  static final List<String> JOINING_CGROUPS =
      List.of(
          "sh",
          "-c",
          "for hierarchy in /sys/fs/cgroup/*/cgroup.procs; do echo 0 >\"$hierarchy\"; done; exec \"$@\"",
          "sh");

  private static final String PAUSE_IMAGE = "drover.dev/testbed/pause:kept";
  private static final Duration IMPORT_DEADLINE = Duration.ofMinutes(3);
  private static final String CONTAINERD =
      """
      version = 2
      [plugins."io.containerd.grpc.v1.cri"]
        sandbox_image = "%s"
        # Where CAP_SYS_RESOURCE is missing, as in a container, runc may not lower it.
        restrict_oom_score_adj = true
      [plugins."io.containerd.grpc.v1.cri".cni]
        bin_dir = "/usr/lib/cni"
        conf_dir = "/etc/drover/cni"
      """
          .formatted(PAUSE_IMAGE);
  private static final String KUBELET =
      """
      apiVersion: kubelet.config.k8s.io/v1beta1
      kind: KubeletConfiguration
      authentication:
        anonymous: {enabled: false}
        webhook: {enabled: true}
        x509: {clientCAFile: /etc/drover/ca.crt}
      authorization: {mode: Webhook}
      tlsCertFile: /etc/drover/kubelet.crt
      tlsPrivateKeyFile: /etc/drover/kubelet.key
      containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
      cgroupDriver: cgroupfs
      failCgroupV1: false
      failSwapOn: false
      # Lowering it needs CAP_SYS_RESOURCE.
      oomScoreAdj: 0
      resolvConf: ""
      nodeStatusUpdateFrequency: 4s
      # Without a registry an image that is collected is lost.
      imageGCHighThresholdPercent: 100
      evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
      """;

  private final HypervisorHost host;
  private final ControlPlane controlPlane;
  private final NodeService containerd;
  private final NodeService kubelet;

  KubernetesNode(HypervisorHost host, ControlPlane controlPlane) {
    this.host = host;
    this.controlPlane = controlPlane;
    this.containerd =
        new NodeService(
            host,
            "containerd",
            List.of("/usr/bin/containerd", "--config", "/etc/drover/containerd.toml"));
    this.kubelet =
        new NodeService(
            host,
            "kubelet",
            List.of(
                "/opt/kubernetes/kubelet",
                "--config=/etc/drover/kubelet.yaml",
                "--kubeconfig=/etc/drover/kubelet.kubeconfig",
                "--hostname-override=" + host.name(),
                "--node-ip=" + host.ip(),
                "--v=2"));
  }

  /** Whether hosts can be nodes on this machine: with cgroup v1, so far. */
  public static boolean possible() {
    try {
      return Files.readString(Path.of("/proc/self/cgroup")).contains(":memory:");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Its containers go on while it is away. */
  public NodeService containerd() {
    return containerd;
  }

  /** Its containers go on while it is away. */
  public NodeService kubelet() {
    return kubelet;
  }

  /** Whatever of it was killed or frozen works again afterwards. */
  public void repair() {
    containerd.resume();
    kubelet.resume();
    startContainerd();
    kubelet.start();
    awaitReady();
  }

  /** What its pods' containers have written, each life of each in a file of its own. */
  public List<Path> podLogs() {
    try (Stream<Path> files = Files.walk(host.directory("log/pods"))) {
      return files.filter(file -> file.toString().endsWith(".log")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Brings an image, as an archive of this machine, to where its pods are started from. */
  public void load(Path archive) {
    List<String> command =
        new ArrayList<>(List.of("sh", "-c", "exec \"$@\" <\"$0\"", archive.toString()));
    command.addAll(host.entering(List.of("ctr", "--namespace", "k8s.io", "images", "import", "-")));
    Command.of(command).within(IMPORT_DEADLINE).run().orThrow();
  }

  /** Waits until the cluster says that pods can be put on it. */
  public void awaitReady() {
    LogTail.explaining(
        kubelet.log(), () -> Waiting.until("node " + host.name() + " is Ready", this::ready));
  }

  private boolean ready() {
    var node = controlPlane.client().nodes().withName(host.name()).get();
    return node.getStatus().getConditions().stream()
            .anyMatch(
                condition ->
                    condition.getType().equals("Ready") && condition.getStatus().equals("True"))
        && node.getSpec().getTaints().isEmpty();
  }

  /** Writes what its services read, before the host boots. */
  void prepare() {
    Path etc = host.directory("etc");
    host.directory("containerd");
    host.directory("log/pods");
    controlPlane.writeNodeCredentials(host.name(), host.ip(), etc, "/etc/drover");
    write(etc.resolve("containerd.toml"), CONTAINERD);
    write(etc.resolve("kubelet.yaml"), KUBELET);
    write(host.directory("etc/cni").resolve("10-pods.conflist"), podNetwork());
  }

  /** Starts all of it, without waiting for the node to be Ready. */
  void start() {
    host.exec("sh", "-c", routes()).orThrow();
    startContainerd();
    load(Recipes.nodes().resolve("pause.tar"));
    kubelet.start();
  }

  /** A kubelet that finds no containerd ends, and here nobody starts it again. */
  private void startContainerd() {
    containerd.start();
    Waiting.until(
        "containerd on " + host.name() + " answers", () -> host.exec("ctr", "version").succeeded());
  }

  /**
   * In place of a kube-proxy: the one service that pods need is the API server, and one rule for
   * the host's own packets and one for its pods' leads there.
   */
  private String routes() {
    var commands = new StringBuilder("set -e; echo 1 >/proc/sys/net/ipv4/ip_forward; ");
    commands.append("ip route add 10.96.0.0/16 via ").append(Bridge.ADDRESS).append("; ");
    for (String chain : List.of("OUTPUT", "PREROUTING")) {
      commands.append(
          "iptables -w -t nat -A %s -d 10.96.0.1 -p tcp --dport 443 -j DNAT --to %s; "
              .formatted(chain, controlPlane.server().substring("https://".length())));
    }
    return commands.toString();
  }

  private String podNetwork() {
    return """
    {
      "cniVersion": "0.4.0",
      "name": "pods",
      "plugins": [
        {
          "type": "bridge",
          "bridge": "pods0",
          "isGateway": true,
          "ipMasq": true,
          "ipam": {
            "type": "host-local",
            "dataDir": "/run/drover-pod-addresses",
            "ranges": [[{"subnet": "10.244.%d.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]
          }
        },
        {"type": "portmap", "capabilities": {"portMappings": true}}
      ]
    }
    """
        .formatted(Integer.parseInt(host.name().substring(1)));
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
