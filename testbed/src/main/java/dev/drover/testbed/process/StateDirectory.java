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
  private static final String LOCK_ENDING = ".lock";

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
    Path run = runParent().resolve(name);
    Path data = dataParent().resolve(name);
    Path lockFile = lockFile(run);
    if (!HELD.add(lockFile)) {
      throw new IllegalStateException("this JVM has a testbed \"%s\" already".formatted(name));
    }
    try {
      Files.createDirectories(run.getParent());
      FileChannel channel =
          FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = channel.tryLock();
      // Gone: its holder removed it just now, along with its state.
      if (lock == null || !Files.exists(lockFile)) {
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

  /** Removes what was left under all names that begin so, unless a living process holds them. */
  public static void removeAbandoned(String prefix) {
    for (Path parent : List.of(runParent(), dataParent())) {
      List<String> names =
          children(parent).stream().filter(name -> name.startsWith(prefix)).toList();
      for (String name : names) {
        if (!name.endsWith(LOCK_ENDING)) {
          try {
            open(name).close();
          } catch (IllegalStateException e) {
            LOG.atDebug().addKeyValue("name", name).log("In use, and left alone");
          }
        }
      }
    }
  }

  private static Path runParent() {
    return rootsOwn() ? RUN : userParent().resolve("run");
  }

  private static Path dataParent() {
    return rootsOwn() ? DATA : userParent().resolve("data");
  }

  private static boolean rootsOwn() {
    return Files.isWritable(RUN.getParent());
  }

  private static Path userParent() {
    return Path.of("/tmp/drover-testbed-" + System.getProperty("user.name"));
  }

  private static Path lockFile(Path run) {
    return run.resolveSibling(run.getFileName() + LOCK_ENDING);
  }

  private static List<String> children(Path directory) {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
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

  /** Notes a cgroup of this machine, to be removed by {@link #clear}. */
  public void noteCgroup(String name) {
    write(name + ".cgroup", name);
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
    files(".cgroup")
        .map(this::read)
        .forEach(name -> Command.of(Recipes.script("cgroups"), "remove", name).run());
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
      HELD.remove(lockFile(run));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      clear();
      Files.deleteIfExists(lockFile(run));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      release();
    }
  }

  private Stream<Path> files(String ending) {
    return children(run).stream().filter(name -> name.endsWith(ending)).map(run::resolve);
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
