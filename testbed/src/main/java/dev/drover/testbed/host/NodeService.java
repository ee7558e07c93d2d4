package dev.drover.testbed.host;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

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
    if (!running()) {
      startDetached(command, Map.of(), log());
    }
  }

  /** Standard output and standard error, over all its lives. */
  public Path log() {
    return host().directory("log").resolve(name + ".log");
  }
}
