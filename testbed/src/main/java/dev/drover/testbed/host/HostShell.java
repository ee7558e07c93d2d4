package dev.drover.testbed.host;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;

/**
 * A shell inside a host that is opened beforehand, so that a fault happens within a millisecond or
 * two of the call instead of the thirty that it takes to enter the host.
 */
public final class HostShell implements AutoCloseable {

  private static final String END = "drover-testbed-end-of-output";

  private final Process process;
  private final Writer input;
  private final BufferedReader output;

  HostShell(HypervisorHost host) {
    try {
      process =
          new ProcessBuilder(host.entering(List.of("bash"))).redirectErrorStream(true).start();
      input = new OutputStreamWriter(process.getOutputStream(), UTF_8);
      output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    run(":");
  }

  /** Runs a line of shell, and returns what it printed once it has ended. */
  public synchronized List<String> run(String line) {
    try {
      input.write(line + "\necho " + END + "\n");
      input.flush();
      List<String> lines = new ArrayList<>();
      for (String got = output.readLine(); ; got = output.readLine()) {
        if (got == null) {
          throw new IllegalStateException("the shell ended during: " + line);
        }
        if (got.equals(END)) {
          return lines;
        }
        lines.add(got);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    process.destroy();
  }
}
