package dev.drover.testbed.junit;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What helps to understand why a test failed, copied to where it survives the testbed. */
public final class Evidence {

  private static final Logger LOG = LoggerFactory.getLogger(Evidence.class);
  private static final int TAIL_BYTES = 512 << 10;

  private final Testbed testbed;
  private final Path directory;

  public Evidence(Testbed testbed, String test) {
    this.testbed = testbed;
    this.directory =
        Recipes.sourceTree()
            .resolve("testbed/target/evidence")
            .resolve(test.replaceAll("[^A-Za-z0-9_.-]+", "_"));
  }

  /** Collects what it can get, and returns the directory with it. */
  public Path collect() {
    save("objects.yaml", () -> testbed.kubectl("get", "lmig,dvm,hvn", "-A", "-o", "yaml").out());
    save("objects.txt", () -> testbed.kubectl("get", "lmig,dvm,hvn", "-A", "-o", "wide").out());
    save(
        "events.txt",
        () -> testbed.kubectl("get", "events", "-A", "--sort-by=.lastTimestamp").out());
    if (testbed.hasNodes()) {
      save("pods.txt", () -> testbed.kubectl("get", "nodes,pods", "-A", "-o", "wide").out());
      save("pods-described.txt", () -> testbed.kubectl("describe", "pods", "-A").out());
    }
    for (HypervisorHost host : testbed.hosts()) {
      if (host.isOn()) {
        save(host.name() + "-domains.txt", () -> host.virsh("list --all").out());
        save(host.name() + "-processes.txt", () -> host.exec("ps", "axuww").out());
        save(host.name() + "-sockets.txt", () -> host.exec("ss", "-tnpi").out());
      }
    }
    for (Guest guest : testbed.guests()) {
      save(
          "guest-" + guest.name() + ".txt",
          () ->
              "%s%n%s%n%s%n"
                  .formatted(
                      guest.observer().beats().last(),
                      guest.observer().about(),
                      String.join("\n", guest.observer().consoleLines())));
    }
    testbed
        .logFiles()
        .filter(Files::exists)
        .forEach(file -> save(nameOf(file), () -> LogTail.of(file, TAIL_BYTES)));
    return directory;
  }

  private String nameOf(Path log) {
    String path = log.toString();
    String host =
        testbed.hosts().stream()
            .filter(each -> path.contains("/hosts/" + each.name() + "/"))
            .map(each -> each.name() + "-")
            .findFirst()
            .orElse("");
    // Of a pod: .../pods/NAMESPACE_POD_UID/CONTAINER/LIFE.log
    boolean pods = path.contains("/pods/");
    return host + (pods ? log.getName(log.getNameCount() - 3) + "-" : "") + log.getFileName();
  }

  private void save(String file, Supplier<String> text) {
    try {
      Files.createDirectories(directory);
      Files.writeString(directory.resolve(file), text.get());
    } catch (IOException | RuntimeException e) {
      // A broken testbed is no reason to hide the failure of the test.
      LOG.atWarn().addKeyValue("file", file).setCause(e).log("No evidence");
    }
  }
}
