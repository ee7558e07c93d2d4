package dev.drover.testbed.process;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A process of this machine that runs in the background, and that a test may kill, freeze and start
 * again. Noted in the {@link StateDirectory}, so it doesn't outlive the testbed even if this JVM is
 * killed. Its output is appended to one file over all its lives.
 */
public final class Service {

  private final String name;
  private final StateDirectory state;
  private final List<String> command;
  private final Map<String, String> environment;
  private @Nullable ProcessMark process;

  public Service(
      String name, StateDirectory state, List<String> command, Map<String, String> environment) {
    this.name = name;
    this.state = state;
    this.command = List.copyOf(command);
    this.environment = Map.copyOf(environment);
  }

  public String name() {
    return name;
  }

  /** Standard output and standard error. */
  public Path log() {
    return state.logs().resolve(name + ".log");
  }

  /** Starts it, if it isn't running; returns without waiting for anything. */
  public synchronized void start() {
    if (running()) {
      return;
    }
    var builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true);
    builder.redirectInput(new File("/dev/null"));
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
    try {
      Process started = builder.start();
      process =
          ProcessMark.of(started.pid())
              .orElseThrow(() -> new IllegalStateException(name + " ended at once; see " + log()));
      state.note(name, process);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public synchronized boolean running() {
    return process != null && process.alive();
  }

  /** Empty unless it runs. */
  public synchronized Optional<Long> pid() {
    return Optional.ofNullable(process).filter(ProcessMark::alive).map(ProcessMark::pid);
  }

  /** SIGKILL. Returns when it is gone. */
  public void kill() {
    signalAndAwaitEnd("KILL", Duration.ofSeconds(30));
  }

  /**
   * SIGTERM. Returns when it is gone.
   *
   * @throws RuntimeException if it isn't after the deadline
   */
  public void terminate(Duration deadline) {
    signalAndAwaitEnd("TERM", deadline);
  }

  /** SIGSTOP: it keeps its sockets and answers nothing. */
  public void pause() {
    signal("STOP");
  }

  /** SIGCONT. */
  public void resume() {
    signal("CONT");
  }

  private synchronized void signal(String signal) {
    if (process != null) {
      process.signal(signal);
    }
  }

  private void signalAndAwaitEnd(String signal, Duration deadline) {
    signal(signal);
    Waiting.until(name + " ends after SIG" + signal, deadline, () -> !running());
  }
}
