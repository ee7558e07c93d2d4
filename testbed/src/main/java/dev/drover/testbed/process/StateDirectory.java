package dev.drover.testbed.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What has to be known to be rid of a testbed, kept where a later run finds it: the processes that
 * were started, the network links that were made. Held by one JVM at a time; the death of that JVM,
 * however sudden, releases it, and whoever opens it next removes what was left.
 */
public final class StateDirectory implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(StateDirectory.class);
  private static final Path RUN = Path.of("/run/drover-testbed");
  private static final Path DATA = Path.of("/var/tmp/drover-testbed");

  /**
   * File locks belong to the JVM: opening and closing a file that it has locked would release the
   * lock.
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path run;
  private final Path data;
  private final FileLock lock;

  private StateDirectory(Path run, Path data, FileLock lock) {
    this.run = run;
    this.data = data;
    this.lock = lock;
  }

  /**
   * Takes a name, and removes all that an earlier holder left under it.
   *
   * @throws IllegalStateException if a living process holds it
   */
  public static StateDirectory open(String name) {
    boolean root = Files.isWritable(RUN.getParent());
    String user = root ? "" : "-" + System.getProperty("user.name");
    Path run = root ? RUN.resolve(name) : Path.of("/tmp/drover-testbed" + user, "run", name);
    Path data = root ? DATA.resolve(name) : Path.of("/tmp/drover-testbed" + user, "data", name);
    Path lockFile = run.resolveSibling(name + ".lock");
    if (!HELD.add(lockFile)) {
      throw new IllegalStateException("this JVM has a testbed \"%s\" already".formatted(name));
    }
    try {
      Files.createDirectories(run.getParent());
      FileChannel channel =
          FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = channel.tryLock();
      if (lock == null) {
        channel.close();
        throw new IllegalStateException(
            "another process has the testbed \"%s\" up (it holds %s)".formatted(name, lockFile));
      }
      var state = new StateDirectory(run, data, lock);
      if (Files.exists(run) || Files.exists(data)) {
        LOG.atInfo().addKeyValue("name", name).log("Removing what an earlier run left");
        state.clear();
      }
      Files.createDirectories(run);
      Files.createDirectories(data);
      return state;
    } catch (IOException e) {
      HELD.remove(lockFile);
      throw new UncheckedIOException(e);
    } catch (IllegalStateException e) {
      HELD.remove(lockFile);
      throw e;
    }
  }

  /** For what is large: disk images, a database. Removed by {@link #clear}. */
  public Path data() {
    return data;
  }

  /** A directory under {@link #data}, made if it isn't there. */
  public Path data(String name) {
    try {
      return Files.createDirectories(data.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path logs() {
    return data("logs");
  }

  /**
   * Notes a process, to be killed by {@link #clear}. A later process of the same name takes its
   * place.
   */
  public void note(String name, ProcessMark process) {
    write(name + ".pid", process.toString());
  }

  /** Notes a network link of this machine, to be deleted by {@link #clear}. */
  public void noteLink(String name) {
    write(name + ".link", name);
  }

  /** Kills, deletes and removes all that was noted, and the data. Returns when it is gone. */
  public void clear() {
    var failures = new ArrayList<RuntimeException>();
    List<ProcessMark> marks =
        files(".pid").map(this::read).flatMap(text -> ProcessMark.parse(text).stream()).toList();
    for (ProcessMark mark : marks) {
      // A stopped process dies of SIGKILL all the same.
      mark.signal("KILL");
    }
    for (ProcessMark mark : marks) {
      try {
        Waiting.until("end of process " + mark.pid(), Duration.ofSeconds(30), () -> !mark.alive());
      } catch (RuntimeException e) {
        failures.add(e);
      }
    }
    files(".link")
        .map(this::read)
        .filter(link -> Files.exists(Path.of("/sys/class/net", link)))
        .forEach(link -> Command.of("ip", "link", "del", link).run());
    Command.of("rm", "-rf", "--one-file-system", run.toString(), data.toString())
        .within(Duration.ofMinutes(2))
        .run()
        .orThrow();
    if (!failures.isEmpty()) {
      var failure = new IllegalStateException("could not remove all of the testbed");
      failures.forEach(failure::addSuppressed);
      throw failure;
    }
  }

  /** Lets go of the name, and leaves everything as it is: for a testbed that is to stay up. */
  public void release() {
    try {
      lock.channel().close();
      HELD.remove(run.resolveSibling(run.getFileName() + ".lock"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      clear();
    } finally {
      release();
    }
  }

  private Stream<Path> files(String ending) {
    if (!Files.isDirectory(run)) {
      return Stream.empty();
    }
    try (Stream<Path> files = Files.list(run)) {
      return files.filter(file -> file.toString().endsWith(ending)).toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void write(String file, String text) {
    try {
      Files.writeString(run.resolve(file), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
