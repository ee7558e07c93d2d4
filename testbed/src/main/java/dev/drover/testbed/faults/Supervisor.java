package dev.drover.testbed.faults;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HostService;
import dev.drover.testbed.host.Http;
import dev.drover.testbed.host.HypervisorHost;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a kubelet does for the operator and the daemons, and systemd for libvirtd: it starts again
 * what has ended, a second later, and kills what has not answered {@code /livez} three times with
 * ten seconds in between, as the chart says. It does nothing else; what needs more than that needs
 * a person.
 */
public final class Supervisor implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Supervisor.class);
  private static final long TICK_NANOS = 300_000_000;
  private static final long RESTART_AFTER_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long PROBE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();
  private static final int FAILURES_UNTIL_KILLED = 3;

  private final Testbed testbed;
  private final List<Thread> threads = new ArrayList<>();
  private final Map<String, Integer> restarts = new TreeMap<>();
  private volatile boolean closed;

  public Supervisor(Testbed testbed) {
    this.testbed = testbed;
    supervise(new Operator());
    for (HypervisorHost host : testbed.hosts()) {
      supervise(new OnHost("libvirtd", host, host.libvirtd(), Optional.empty()));
      supervise(new OnHost("daemon", host, host.daemon(), Optional.of(host.daemon().httpUrl())));
    }
  }

  /** How often each process was started again so far; {@code n1/daemon}, say. */
  public Map<String, Integer> restarts() {
    synchronized (restarts) {
      return new TreeMap<>(restarts);
    }
  }

  @Override
  public void close() {
    closed = true;
    threads.forEach(Thread::interrupt);
    for (Thread thread : threads) {
      try {
        thread.join(Duration.ofSeconds(70));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void supervise(Supervised process) {
    threads.add(
        Thread.ofPlatform()
            .daemon()
            .name("supervisor-of-" + process.name())
            .start(() -> watch(process)));
  }

  private void watch(Supervised process) {
    long goneSince = 0;
    long probed = System.nanoTime();
    int failures = 0;
    while (!closed) {
      LockSupport.parkNanos(TICK_NANOS);
      long now = System.nanoTime();
      try {
        if (!process.wanted() || process.running()) {
          goneSince = 0;
        } else if (goneSince == 0) {
          goneSince = now;
        } else if (now - goneSince >= RESTART_AFTER_NANOS) {
          goneSince = 0;
          failures = 0;
          probed = now;
          count(process.name());
          process.start();
        }
        if (goneSince == 0 && now - probed >= PROBE_EVERY_NANOS) {
          probed = now;
          failures = process.answers() ? 0 : failures + 1;
          if (failures >= FAILURES_UNTIL_KILLED) {
            LOG.atWarn().addKeyValue("process", process.name()).log("It does not answer: killed");
            failures = 0;
            process.kill();
          }
        }
      } catch (RuntimeException | AssertionError e) {
        // Its host has just lost its power, say; it is looked at again in a moment.
        LOG.atDebug().addKeyValue("process", process.name()).setCause(e).log("Not yet");
      }
    }
  }

  private void count(String name) {
    LOG.atInfo().addKeyValue("process", name).log("Started again");
    synchronized (restarts) {
      restarts.merge(name, 1, Integer::sum);
    }
  }

  /** A process that is to run. */
  private interface Supervised {
    String name();

    /** Whether it should run now. */
    boolean wanted();

    boolean running();

    void start();

    boolean answers();

    void kill();
  }

  private final class Operator implements Supervised {
    @Override
    public String name() {
      return "operator";
    }

    @Override
    public boolean wanted() {
      return true;
    }

    @Override
    public boolean running() {
      return testbed.operator().running();
    }

    @Override
    public void start() {
      testbed.operator().start();
    }

    @Override
    public boolean answers() {
      return Http.ok(testbed.operator().httpUrl() + "/livez");
    }

    @Override
    public void kill() {
      testbed.operator().kill();
    }
  }

  /** Its process is searched for only when the one that is known has ended: that takes long. */
  private static final class OnHost implements Supervised {
    private final String name;
    private final HypervisorHost host;
    private final HostService service;
    private final Optional<String> url;
    private final Map<Long, ProcessHandle> known = new HashMap<>();

    OnHost(String name, HypervisorHost host, HostService service, Optional<String> url) {
      this.name = host.name() + "/" + name;
      this.host = host;
      this.service = service;
      this.url = url;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public boolean wanted() {
      return host.isOn();
    }

    @Override
    public boolean running() {
      if (known.values().stream().anyMatch(ProcessHandle::isAlive)) {
        return true;
      }
      known.clear();
      @Nullable Long pid = service.pid().orElse(null);
      if (pid == null) {
        return false;
      }
      ProcessHandle.of(pid).ifPresent(handle -> known.put(pid, handle));
      return true;
    }

    @Override
    public void start() {
      service.start();
    }

    @Override
    public boolean answers() {
      return url.map(address -> Http.ok(address + "/livez")).orElse(true);
    }

    @Override
    public void kill() {
      service.kill();
    }
  }
}
