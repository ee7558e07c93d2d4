package dev.drover.testbed.host;

import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Waiting;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A process that a node consists of: containerd, or the kubelet. */
public final class NodeService extends HostService {

  private final String name;
  private final List<String> command;

  NodeService(HypervisorHost host, String name, List<String> command) {
    super(host, name, process -> process.arguments().getFirst().equals(command.getFirst()));
    this.name = name;
    this.command = command;
  }

  /** Starts it, unless it runs; returns when there is such a process. */
  @Override
  public synchronized void start() {
    if (running()) {
      return;
    }
    // With --fork no process of this machine's stays between it and us.
    List<String> detached = new ArrayList<>(List.of("setsid", "--fork"));
    detached.addAll(command);
    var builder = new ProcessBuilder(host().entering(detached));
    builder.redirectErrorStream(true);
    builder.redirectInput(new File("/dev/null"));
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
    try {
      builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    LogTail.explaining(
        log(),
        () -> Waiting.until("%s on %s starts".formatted(name, host().name()), this::running));
  }

  /** Standard output and standard error, over all its lives. */
  public Path log() {
    return host().directory("log").resolve(name + ".log");
  }
}
