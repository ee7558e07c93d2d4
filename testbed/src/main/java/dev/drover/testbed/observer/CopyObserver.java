package dev.drover.testbed.observer;

import dev.drover.testbed.process.NamespacePids;
import dev.drover.testbed.process.ProcessMark;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at every QEMU process of this machine's hosts, 40 times a second, and notes which of them
 * have run their guest since the look before. Those of other lanes (testbed/bin/lane.sh) are no
 * hosts of this machine's.
 *
 * <p>A guest runs when the threads of its virtual processors get processor time (the kernel's
 * {@code schedstat}): QEMU's monitor, which would have to be asked, is silent just when it matters,
 * as it waits for the same lock as everything else in there. A guest of the testbed beats every 10
 * ms, so that its processor time grows between any two looks.
 *
 * <p>New processes are found within {@value #DISCOVERY_MILLISECONDS} ms; an incoming QEMU takes
 * longer than that before it can run anything.
 */
public final class CopyObserver implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(CopyObserver.class);
  private static final long PERIOD_NANOS = 25_000_000;
  private static final int DISCOVERY_MILLISECONDS = 150;

  /**
   * Less than this within a look is no guest that runs, but QEMU that reads the registers of one
   * that stands still.
   */
  private static final long LEAST_NANOS = 200_000;

  /** Here, and in the host's own namespace. */
  private static final int PIDS_OF_HOSTS_PROCESS = 2;

  private static final Path PROC = Path.of("/proc");

  private final Thread thread;
  private final Map<Copy, Processors> watched = new HashMap<>();
  private final Set<Long> others = new HashSet<>();
  private volatile boolean closed;

  /** Guarded by itself. */
  private final List<Look> looks = new ArrayList<>();

  public CopyObserver() {
    thread = Thread.ofPlatform().daemon().name("observer-of-copies").start(this::watch);
  }

  /** What was seen of a guest so far. */
  public Timeline of(String guest) {
    synchronized (looks) {
      return new Timeline(guest, looks);
    }
  }

  /** What was seen of a guest since an instant. */
  public Timeline of(String guest, Instant since) {
    synchronized (looks) {
      int first = looks.size();
      while (first > 0 && !looks.get(first - 1).from().isBefore(since)) {
        first--;
      }
      return new Timeline(guest, looks.subList(first, looks.size()));
    }
  }

  /** The QEMU processes of a guest that live, running or not. */
  public List<Copy> processes(String guest) {
    synchronized (watched) {
      return watched.keySet().stream().filter(copy -> copy.guest().equals(guest)).toList();
    }
  }

  /** Forgets what it has seen. */
  public void forget() {
    synchronized (looks) {
      looks.clear();
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }

  private void watch() {
    long discovered = 0;
    Instant before = Instant.now();
    long next = System.nanoTime();
    while (!closed) {
      long now = System.nanoTime();
      if (now - discovered >= Duration.ofMillis(DISCOVERY_MILLISECONDS).toNanos()) {
        discovered = now;
        discover();
      }
      Set<Copy> ran = new HashSet<>();
      // The end of this look is the begin of the next one: no time is left out.
      synchronized (watched) {
        watched.forEach(
            (copy, processors) -> {
              if (processors.ranSinceLastTime()) {
                ran.add(copy);
              }
            });
      }
      Instant at = Instant.now();
      synchronized (looks) {
        looks.add(new Look(before, at, ran));
      }
      before = at;
      next = Math.max(next + PERIOD_NANOS, System.nanoTime() + PERIOD_NANOS / 5);
      LockSupport.parkNanos(next - System.nanoTime());
    }
  }

  /** Finds processes that are new, and lets go of those that have ended. */
  private void discover() {
    Set<Long> alive = new HashSet<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path directory : all) {
        long pid = Long.parseLong(directory.getFileName().toString());
        alive.add(pid);
        if (others.contains(pid) || watches(pid)) {
          continue;
        }
        read(pid)
            .ifPresentOrElse(
                copy -> {
                  synchronized (watched) {
                    watched.put(copy, new Processors(pid));
                  }
                },
                () -> {
                  // What was started long ago has executed its program by now.
                  if (!isYoung(directory)) {
                    others.add(pid);
                  }
                });
      }
    } catch (IOException e) {
      LOG.atWarn().setCause(e).log("Can't read the list of processes");
    }
    others.retainAll(alive);
    synchronized (watched) {
      watched.keySet().removeIf(copy -> !copy.process().alive());
      watched.values().forEach(Processors::findThreads);
    }
  }

  private boolean watches(long pid) {
    synchronized (watched) {
      return watched.keySet().stream().anyMatch(copy -> copy.process().pid() == pid);
    }
  }

  private static boolean isYoung(Path directory) {
    try {
      var since = Files.getLastModifiedTime(directory).toInstant();
      return Duration.between(since, Instant.now()).compareTo(Duration.ofSeconds(10)) < 0;
    } catch (IOException e) {
      return false;
    }
  }

  private static Optional<Copy> read(long pid) {
    try {
      Path directory = PROC.resolve(Long.toString(pid));
      if (!Files.readString(directory.resolve("comm")).startsWith("qemu-system")
          || isInALane(pid)) {
        return Optional.empty();
      }
      Optional<String> guest = Optional.empty();
      for (String argument : Files.readString(directory.resolve("cmdline")).split("\0")) {
        if (argument.startsWith("guest=")) {
          guest = Optional.of(argument.substring("guest=".length()).split(",")[0]);
        }
      }
      // As the process itself sees it: each host has a root of its own.
      String host = Files.readString(directory.resolve("root/etc/hostname")).strip();
      return guest.flatMap(name -> ProcessMark.of(pid).map(mark -> new Copy(name, host, mark)));
    } catch (IOException e) {
      // It ended while it was looked at.
      return Optional.empty();
    }
  }

  /** One host is one namespace of processes; whose is within another one has an observer there. */
  private static boolean isInALane(long pid) throws IOException {
    return NamespacePids.of(pid).size() > PIDS_OF_HOSTS_PROCESS;
  }

  /** The threads that run a guest's virtual processors. */
  private static final class Processors {

    private final Path tasks;
    private final Map<Path, Long> spentNanos = new HashMap<>();

    Processors(long pid) {
      tasks = PROC.resolve(pid + "/task");
    }

    void findThreads() {
      try (DirectoryStream<Path> threads = Files.newDirectoryStream(tasks)) {
        for (Path thread : threads) {
          if (Files.readString(thread.resolve("comm")).startsWith("CPU ")) {
            Path statistics = thread.resolve("schedstat");
            if (!spentNanos.containsKey(statistics)) {
              spentNanos.put(statistics, spent(statistics));
            }
          }
        }
      } catch (IOException e) {
        // It ends just now.
      }
    }

    boolean ranSinceLastTime() {
      boolean ran = false;
      for (Map.Entry<Path, Long> thread : spentNanos.entrySet()) {
        long now = spent(thread.getKey());
        if (now - thread.getValue() >= LEAST_NANOS) {
          ran = true;
        }
        thread.setValue(Math.max(now, thread.getValue()));
      }
      return ran;
    }

    private static long spent(Path statistics) {
      try {
        return Long.parseLong(Files.readString(statistics).split(" ")[0]);
      } catch (IOException e) {
        return 0;
      }
    }
  }
}
