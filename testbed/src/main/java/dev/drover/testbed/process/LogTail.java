package dev.drover.testbed.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The end of a log: enough to see why a process didn't do what it was waited for. */
public final class LogTail {

  private static final int SHORT_BYTES = 4 << 10;

  private LogTail() {}

  /** The last bytes of a file, at most so many; empty if there is no such file. */
  public static String of(Path file, int atMostBytes) {
    if (!Files.exists(file)) {
      return "";
    }
    try (var input = new RandomAccessFile(file.toFile(), "r")) {
      long start = Math.max(0, input.length() - atMostBytes);
      input.seek(start);
      byte[] bytes = new byte[(int) (input.length() - start)];
      input.readFully(bytes);
      return new String(bytes, UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Runs a wait; if that fails, the end of the log goes into the exception: the log itself goes
   * with the testbed.
   */
  public static void explaining(Path log, Runnable wait) {
    try {
      wait.run();
    } catch (RuntimeException e) {
      throw new IllegalStateException(
          "%s%nThe end of %s:%n%s".formatted(e.getMessage(), log, of(log, SHORT_BYTES)), e);
    }
  }
}
