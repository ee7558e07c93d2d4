package dev.drover.testbed.demo;

import static java.util.stream.Collectors.joining;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HypervisorHost;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How to use a testbed that stays up: a file to source, and what then works. */
public final class Instructions {

  private final Testbed testbed;

  public Instructions(Testbed testbed) {
    this.testbed = testbed;
  }

  /** Writes the file, and returns what to tell the person. */
  public String write() {
    Path kubeconfig = testbed.controlPlane().adminKubeconfig();
    var script = new StringBuilder("# Source this: it sets up a shell for Drover's testbed.\n");
    testbed
        .controlPlane()
        .kubectlEnvironment(kubeconfig)
        .forEach((name, value) -> script.append("export %s='%s'\n".formatted(name, value)));
    script.append(
        "export PATH='%s':$PATH\n".formatted(testbed.controlPlane().kubectlBinary().getParent()));
    for (HypervisorHost host : testbed.hosts()) {
      script.append(
          "%s() { %s \"$@\"; }\n"
              .formatted(
                  host.name(),
                  host.entering(List.of()).stream()
                      .map(word -> "'" + word.replace("'", "'\\''") + "'")
                      .collect(joining(" "))));
    }
    Path file = testbed.scratch("shell").resolve("env.sh");
    try {
      Files.writeString(file, script);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return """

    The testbed stays up. In a shell:
      . %s
      kubectl get lmig,dvm,hvn -A             Drover's objects
      kubectl apply -f config/samples/...     something to do
      n1 virsh list --all                     a command inside host n1
      %s
    ./demo down removes it.
    """
        .formatted(
            file,
            testbed.hasNodes()
                ? "kubectl logs -n drover-system deployment/drover-operator"
                : "tail -f " + testbed.logs() + "/operator.log");
  }
}
