package dev.drover.testbed.host;

import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Waiting;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A process inside a host that a test may kill and freeze: it is found by its command line, whoever
 * started it.
 */
public abstract class HostService {

  private final HypervisorHost host;
  private final String name;
  private final Predicate<HostProcess> belongs;

  HostService(HypervisorHost host, String name, Predicate<HostProcess> belongs) {
    this.host = host;
    this.name = name;
    this.belongs = belongs;
  }

  /** Starts it, unless it runs; returns when it answers. */
  public abstract void start();

  /**
   * Begins it, with both outputs at the end of a file; returns when there is such a process. With
   * --fork no process of this machine's stays between it and us, which would stop when it is
   * stopped.
   */
  final void startDetached(List<String> command, Map<String, String> environment, Path log) {
    List<String> detached = new ArrayList<>(List.of("setsid", "--fork"));
    detached.addAll(command);
    var builder = new ProcessBuilder(host.entering(detached));
    builder.environment().putAll(environment);
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    builder.redirectErrorStream(true);
    builder.redirectInput(new File("/dev/null"));
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    try {
      builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    LogTail.explaining(
        log, () -> Waiting.until("%s on %s starts".formatted(name, host.name()), this::running));
  }

  final HypervisorHost host() {
    return host;
  }

  final Optional<HostProcess> process() {
    return host.processes().stream().filter(belongs).findFirst();
  }

  public final boolean running() {
    return process().isPresent();
  }

  /** Its number on this machine; empty unless it runs. */
  public final Optional<Long> pid() {
    return process().map(HostProcess::pid);
  }

  /** SIGKILL. Returns when it is gone. */
  public final void kill() {
    endWith("KILL", Waiting.GENEROUS);
  }

  /** SIGTERM. Returns when it is gone. */
  public final void stop() {
    endWith("TERM", Waiting.GENEROUS);
  }

  /** SIGSTOP: its connections stay, and nothing is answered. */
  public final void pause() {
    signal("STOP");
  }

  /** SIGCONT. */
  public final void resume() {
    signal("CONT");
  }

  private void signal(String signal) {
    process().ifPresent(process -> process.mark().signal(signal));
  }

  private void endWith(String signal, Duration deadline) {
    process()
        .ifPresent(
            process -> {
              process.mark().signal(signal);
              Waiting.until(
                  "%s on %s ends after SIG%s".formatted(name, host.name(), signal),
                  deadline,
                  () -> !process.alive());
            });
  }
}
