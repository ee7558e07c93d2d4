package dev.drover.testbed.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * One process of this machine, told apart from a later one with the same number by when it started.
 *
 * @param startTicks clock ticks between the machine's boot and the process's start (field 22 of
 *     {@code /proc/PID/stat})
 */
public record ProcessMark(long pid, long startTicks) {

  private static final int STATE = 0;
  private static final int START_TICKS = 19;

  /** Empty if there is no such process, or only its zombie. */
  public static Optional<ProcessMark> of(long pid) {
    return stat(pid).map(fields -> new ProcessMark(pid, Long.parseLong(fields[START_TICKS])));
  }

  static Optional<ProcessMark> parse(String text) {
    String[] parts = text.strip().split(" ");
    return parts.length == 2
        ? Optional.of(new ProcessMark(Long.parseLong(parts[0]), Long.parseLong(parts[1])))
        : Optional.empty();
  }

  /** Whether the very process is there and is not a zombie. */
  public boolean alive() {
    return of(pid).filter(this::equals).isPresent();
  }

  /** Sends a signal by name, such as {@code KILL} or {@code STOP}, unless the process is gone. */
  public void signal(String name) {
    if (alive()) {
      Command.of("kill", "-" + name, Long.toString(pid)).run();
    }
  }

  @Override
  public String toString() {
    return pid + " " + startTicks;
  }

  /** The fields after the command's name, which may itself hold spaces and parentheses. */
  private static Optional<String[]> stat(long pid) {
    try {
      String text = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ");
      boolean gone = fields[STATE].equals("Z") || fields[STATE].equals("X");
      return gone ? Optional.empty() : Optional.of(fields);
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
