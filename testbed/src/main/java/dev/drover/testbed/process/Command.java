package dev.drover.testbed.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A command that is run to its end, within a deadline: when that passes it is killed, and {@link
 * #run} throws.
 *
 * @param arguments the program and its arguments; no shell sees them
 * @param environment variables set beside the inherited ones
 * @param input given to it as standard input
 */
public record Command(
    List<String> arguments,
    Map<String, String> environment,
    String input,
    Duration deadline,
    @Nullable Path directory) {

  private static final Duration DEFAULT_DEADLINE = Duration.ofSeconds(60);
  private static final Executor READERS = Thread::startVirtualThread;

  public Command {
    arguments = List.copyOf(arguments);
    environment = Map.copyOf(environment);
  }

  public static Command of(String... arguments) {
    return of(List.of(arguments));
  }

  public static Command of(List<String> arguments) {
    return new Command(arguments, Map.of(), "", DEFAULT_DEADLINE, null);
  }

  public Command with(Map<String, String> variables) {
    return new Command(arguments, variables, input, deadline, directory);
  }

  public Command withInput(String text) {
    return new Command(arguments, environment, text, deadline, directory);
  }

  public Command within(Duration limit) {
    return new Command(arguments, environment, input, limit, directory);
  }

  /** Runs it and returns what came of it, whatever its exit code. */
  public Result run() {
    var builder = new ProcessBuilder(arguments);
    builder.environment().putAll(environment);
    if (directory != null) {
      builder.directory(directory.toFile());
    }
    try {
      Process process = builder.start();
      CompletableFuture<String> out = read(process.getInputStream());
      CompletableFuture<String> err = read(process.getErrorStream());
      try (var standardInput = process.getOutputStream()) {
        standardInput.write(input.getBytes(UTF_8));
      } catch (IOException ignored) {
        // It ended without reading all of its input; its exit code tells more.
      }
      if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException(
            "\"%s\" did not end within %s".formatted(String.join(" ", arguments), deadline));
      }
      // A grandchild may hold the pipes open for ever; its output isn't waited for.
      return new Result(arguments, process.exitValue(), within(out), within(err));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while running " + arguments, e);
    }
  }

  /**
   * Runs it and returns its standard output without the white space at the end.
   *
   * @throws IllegalStateException if the exit code is not 0; the message has what it printed
   */
  public String output() {
    return run().orThrow().out().stripTrailing();
  }

  private static CompletableFuture<String> read(InputStream stream) {
    return CompletableFuture.supplyAsync(
        () -> {
          try (stream) {
            return new String(stream.readAllBytes(), UTF_8);
          } catch (IOException e) {
            return "";
          }
        },
        READERS);
  }

  private static String within(CompletableFuture<String> text) {
    return text.completeOnTimeout("", 5, TimeUnit.SECONDS).join();
  }

  /** What came of a command. */
  public record Result(List<String> arguments, int exitCode, String out, String err) {

    public boolean succeeded() {
      return exitCode == 0;
    }

    /** Returns this, or throws what the command printed if its exit code is not 0. */
    public Result orThrow() {
      if (!succeeded()) {
        throw new IllegalStateException(
            "\"%s\" ended with %d: %s%s"
                .formatted(String.join(" ", arguments), exitCode, err.strip(), out.strip()));
      }
      return this;
    }
  }
}
