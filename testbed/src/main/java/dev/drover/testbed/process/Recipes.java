package dev.drover.testbed.process;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** The things that are built once and kept in the cache, by the scripts in {@code testbed/bin}. */
public final class Recipes {

  /** The control plane takes some seven minutes on two cores when nothing is cached. */
  private static final Duration PATIENCE = Duration.ofMinutes(30);

  private Recipes() {}

  /**
   * The root of the source tree: from the property {@code drover.root}, or found upwards of here.
   */
  public static Path sourceTree() {
    String property = System.getProperty("drover.root", "");
    if (!property.isEmpty()) {
      return Path.of(property);
    }
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      if (Files.isExecutable(script(at, "host-init"))) {
        return at;
      }
    }
    throw new IllegalStateException(
        "run this inside Drover's source tree, or name it with -Ddrover.root=");
  }

  /** A directory with etcd, kube-apiserver, kubectl and, usually, kube-controller-manager. */
  public static Path controlPlane() {
    return built("controlplane");
  }

  /**
   * The root file system of a Debian release with libvirt and QEMU.
   *
   * @param suite {@code trixie}, {@code bookworm}, or {@code node}: trixie with containerd
   */
  public static Path root(String suite) {
    return built("root", suite);
  }

  /** A directory with the guests' {@code vmlinux} and {@code initrd.gz}. */
  public static Path guest() {
    return built("guest");
  }

  /** A directory with {@code clock.so}: a wall clock that can be stepped, to be preloaded. */
  public static Path clock() {
    return built("clock");
  }

  /**
   * A directory with kubelet, kube-scheduler, and the images {@code pause.tar}, {@code
   * kubectl.tar}.
   */
  public static Path nodes() {
    return built("nodes");
  }

  /** A directory with {@code helm}. */
  public static Path helm() {
    return built("helm");
  }

  /** A directory with {@code certmanager} and its CRDs, {@code crds/}. */
  public static Path certManager() {
    return built("certmanager");
  }

  /**
   * A directory with an earlier Drover: {@code chart/}, and the images {@code operator.tar} and
   * {@code node-daemon.tar}. Empty if this source tree has no history.
   */
  public static Optional<Path> previous() {
    return Optional.of(Command.of(script("previous")).within(PATIENCE).output())
        .filter(path -> !path.isEmpty())
        .map(Path::of);
  }

  /**
   * The archive of one of Drover's images, made from what Maven has built.
   *
   * @param component {@code operator} or {@code node-daemon}
   */
  public static Path image(String component) {
    return Path.of(
        Command.of(sourceTree().resolve("images/build.sh").toString(), component)
            .within(PATIENCE)
            .output());
  }

  /** The path of a script in {@code testbed/bin}, named without its ending. */
  public static String script(String name) {
    return script(sourceTree(), name).toString();
  }

  private static Path script(Path tree, String name) {
    return tree.resolve("testbed/bin/" + name + ".sh");
  }

  private static Path built(String name, String... arguments) {
    var command = new java.util.ArrayList<>(java.util.List.of(script(name)));
    command.addAll(java.util.List.of(arguments));
    return Path.of(Command.of(command).within(PATIENCE).output());
  }
}
