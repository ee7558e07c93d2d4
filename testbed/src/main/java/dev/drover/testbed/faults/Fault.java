package dev.drover.testbed.faults;

import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.faults.Victims.Ports;
import java.time.Duration;
import java.util.Set;

/**
 * What goes wrong. A killed process is started again by its supervisor ({@link Supervisor}), not by
 * {@link #heal}, which undoes only what nobody else would: a link is mended, a host switched on.
 */
public enum Fault {
  OperatorKilled("kill -9 of the operator") {
    @Override
    public void inject(Victims victims) {
      victims.testbed().operator().kill();
    }
  },
  SourceDaemonKilled("kill -9 of the source's daemon") {
    @Override
    public void inject(Victims victims) {
      victims.source().killDaemon();
    }
  },
  TargetDaemonKilled("kill -9 of the target's daemon") {
    @Override
    public void inject(Victims victims) {
      victims.target().killDaemon();
    }
  },
  BothDaemonsKilled("kill -9 of both daemons at once") {
    @Override
    public void inject(Victims victims) {
      victims.source().killDaemon();
      victims.target().killDaemon();
    }
  },
  SourceLibvirtdKilled("kill -9 of the source's libvirtd") {
    @Override
    public void inject(Victims victims) {
      victims.source().killLibvirtd();
    }
  },
  TargetLibvirtdKilled("kill -9 of the target's libvirtd") {
    @Override
    public void inject(Victims victims) {
      victims.target().killLibvirtd();
    }
  },
  TargetLibvirtdStopped40s("SIGSTOP of the target's libvirtd for 40 s", Duration.ofSeconds(40)) {
    @Override
    public void inject(Victims victims) {
      victims.target().host().libvirtd().pause();
    }

    @Override
    public void heal(Victims victims) {
      victims.target().host().libvirtd().resume();
    }
  },
  SourceQemuKilled("kill -9 of the source's QEMU") {
    @Override
    public void inject(Victims victims) {
      victims.killQemu(victims.source());
    }
  },
  TargetQemuKilled("kill -9 of the target's QEMU") {
    @Override
    public void inject(Victims victims) {
      victims.killQemu(victims.target());
    }
  },
  ApiServerDown30s("the API server is down for 30 s", Duration.ofSeconds(30)) {
    @Override
    public void inject(Victims victims) {
      victims.testbed().controlPlane().apiServer().kill();
    }

    @Override
    public void heal(Victims victims) {
      victims.testbed().controlPlane().apiServer().start();
      awaitReady(victims.testbed().controlPlane());
    }
  },
  EtcdDown30s("etcd is down for 30 s", Duration.ofSeconds(30)) {
    @Override
    public void inject(Victims victims) {
      victims.testbed().controlPlane().etcd().kill();
    }

    @Override
    public void heal(Victims victims) {
      victims.testbed().controlPlane().etcd().start();
      awaitReady(victims.testbed().controlPlane());
    }
  },
  ControlCut3s("the control link is cut for 3 s", Duration.ofSeconds(3)) {
    @Override
    public void inject(Victims victims) {
      victims.cut(Ports.Control);
    }

    @Override
    public void heal(Victims victims) {
      victims.mend();
    }
  },
  ControlCut60s("the control link is cut for 60 s", Duration.ofSeconds(60)) {
    @Override
    public void inject(Victims victims) {
      victims.cut(Ports.Control);
    }

    @Override
    public void heal(Victims victims) {
      victims.mend();
    }
  },
  DataCut3s("the data link is cut for 3 s", Duration.ofSeconds(3)) {
    @Override
    public void inject(Victims victims) {
      victims.cut(Ports.Data);
    }

    @Override
    public void heal(Victims victims) {
      victims.mend();
    }
  },
  DataCut60s("the data link is cut for 60 s", Duration.ofSeconds(60)) {
    @Override
    public void inject(Victims victims) {
      victims.cut(Ports.Data);
    }

    @Override
    public void heal(Victims victims) {
      victims.mend();
    }
  },
  LinkCut3s("control and data are cut for 3 s", Duration.ofSeconds(3)) {
    @Override
    public void inject(Victims victims) {
      victims.cut(Ports.All);
    }

    @Override
    public void heal(Victims victims) {
      victims.mend();
    }
  },
  LinkCut60s("control and data are cut for 60 s", Duration.ofSeconds(60)) {
    @Override
    public void inject(Victims victims) {
      victims.cut(Ports.All);
    }

    @Override
    public void heal(Victims victims) {
      victims.mend();
    }
  },
  TargetHostDead("the target host dies, and boots 20 s later", Duration.ofSeconds(20)) {
    @Override
    public void inject(Victims victims) {
      victims.target().host().powerOff();
    }

    @Override
    public void heal(Victims victims) {
      victims.target().host().powerOn();
    }
  },
  SourceHostDead("the source host dies, and boots 20 s later", Duration.ofSeconds(20)) {
    @Override
    public void inject(Victims victims) {
      victims.source().host().powerOff();
    }

    @Override
    public void heal(Victims victims) {
      victims.source().host().powerOn();
    }
  },
  TargetDiskFull("the target's disk is full for 5 s", Duration.ofSeconds(5)) {
    @Override
    public void inject(Victims victims) {
      // All that is free, however little: fallocate takes nothing if it can't have all it asks for.
      victims
          .target()
          .shell()
          .run("dd if=/dev/zero of=%s bs=64k 2>/dev/null; sync".formatted(BALLAST));
    }

    @Override
    public void heal(Victims victims) {
      var host = victims.target().host();
      host.exec("rm", "-f", BALLAST);
      // QEMU pauses a guest that finds its disk full; whoever frees the space lets it go on.
      if (host.virsh("domstate", victims.guest(), "--reason").out().contains("I/O error")) {
        host.virsh("resume", victims.guest()).orThrow();
      }
    }
  },
  SourceClockStepped("the source's clock is an hour ahead for 5 s", Duration.ofSeconds(5)) {
    @Override
    public void inject(Victims victims) {
      victims.source().host().clock().setAhead(STEP);
    }

    @Override
    public void heal(Victims victims) {
      victims.source().host().clock().setAhead(Duration.ZERO);
    }
  },
  TargetClockStepped("the target's clock is an hour ahead for 5 s", Duration.ofSeconds(5)) {
    @Override
    public void inject(Victims victims) {
      victims.target().host().clock().setAhead(STEP);
    }

    @Override
    public void heal(Victims victims) {
      victims.target().host().clock().setAhead(Duration.ZERO);
    }
  };

  private static final String BALLAST = "/var/lib/drover-tiny/ballast";
  private static final Duration STEP = Duration.ofHours(1);

  private final String description;
  private final Duration lasts;

  Fault(String description) {
    this(description, Duration.ZERO);
  }

  Fault(String description, Duration lasts) {
    this.description = description;
    this.lasts = lasts;
  }

  /** What happens, in words. */
  public String description() {
    return description;
  }

  /** How long it is to last before it is healed; zero for what happens in an instant. */
  public Duration lasts() {
    return lasts;
  }

  /** Whether the link between the hosts, or the target's answers, are away for a time. */
  public boolean silencesTarget() {
    return switch (this) {
      case ControlCut3s,
          ControlCut60s,
          DataCut3s,
          DataCut60s,
          LinkCut3s,
          LinkCut60s,
          TargetHostDead,
          TargetLibvirtdStopped40s ->
          true;
      default -> false;
    };
  }

  /**
   * The processes of Drover that end by it and are started again, by the names of {@link
   * Supervisor#restarts}.
   */
  public Set<String> restarts(String source, String target) {
    return switch (this) {
      // One that has lost its lease ends, so that there are never two leaders.
      case OperatorKilled, ApiServerDown30s, EtcdDown30s -> Set.of("operator");
      case SourceDaemonKilled, SourceHostDead -> Set.of(source + "/daemon");
      case TargetDaemonKilled, TargetHostDead -> Set.of(target + "/daemon");
      case BothDaemonsKilled -> Set.of(source + "/daemon", target + "/daemon");
      default -> Set.of();
    };
  }

  /** Whether a host loses its power, and with it all of its guests. */
  public boolean killsHost() {
    return this == TargetHostDead || this == SourceHostDead;
  }

  /** Makes it happen, now. */
  public abstract void inject(Victims victims);

  /** Ends what would not end by itself. */
  public void heal(Victims victims) {}

  /** Of two faults that overlap the other one may still keep it down. */
  private static void awaitReady(ControlPlane controlPlane) {
    if (controlPlane.etcd().running() && controlPlane.apiServer().running()) {
      controlPlane.awaitReady();
    }
  }
}
