package dev.drover.e2e;

import dev.drover.testbed.host.HypervisorHost;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** A libvirtd that dies while a guest's definition goes over. */
enum DefinitionFault {
  /** Before the target has been asked anything. */
  SourceBefore,
  TargetBefore,
  /** Once the target has the definition: the source's has yet to go. */
  SourceBetween,
  TargetBetween;

  String shortName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Starts a cold migration of the guest, and lets it happen. */
  Migration strike(Dormant guest) {
    var migration = heldBeforeTheMove(guest);
    var victim = this == SourceBefore || this == SourceBetween ? guest.source() : guest.target();
    switch (this) {
      case SourceBefore -> {
        // Its daemon asks it once more whether the guest is off before it writes that it moves.
        victim.libvirtd().kill();
        guest.source().daemon().resume();
      }
      case TargetBefore -> {
        victim.libvirtd().pause();
        guest.source().daemon().resume();
        migration.await("the definition is to go over", s -> s.source().cold().handsOver());
        victim.libvirtd().kill();
      }
      case SourceBetween, TargetBetween -> {
        var here = definition(guest, guest.source());
        var there = definition(guest, guest.target());
        guest.source().daemon().resume();
        killOnceThereIs(there, victim);
        System.out.printf(
            "%s: the source's definition was still there: %s%n", this, Files.exists(here));
      }
    }
    victim.libvirtd().start();
    return migration;
  }

  /** The disks are copied and compared, and the source's daemon is frozen. */
  private static Migration heldBeforeTheMove(Dormant guest) {
    var migration = guest.migrate("bandwidthMiBps: 4\n");
    migration.await(
        "copies disks", s -> s.progress() != null && s.progress().diskProcessedBytes() > 0);
    guest.target().daemon().pause();
    migration.patchSpec("{\"bandwidthMiBps\":200}").orThrow();
    migration.await("has copied", s -> s.source().cold().digests() != null);
    guest.source().daemon().pause();
    guest.target().daemon().resume();
    migration.await("is compared", s -> s.target().digests() != null);
    return migration;
  }

  private static Path definition(Dormant guest, HypervisorHost host) {
    long process = host.daemon().pid().orElseThrow();
    return Path.of("/proc/%d/root/etc/libvirt/qemu/%s.xml".formatted(process, guest.name()));
  }

  /** The source's definition goes some milliseconds later, so nothing is waited for here. */
  private static void killOnceThereIs(Path file, HypervisorHost victim) {
    var process = ProcessHandle.of(victim.libvirtd().pid().orElseThrow()).orElseThrow();
    var deadline = Instant.now().plus(Duration.ofMinutes(1));
    while (!Files.exists(file)) {
      if (Instant.now().isAfter(deadline)) {
        throw new AssertionError("there is no " + file);
      }
      Thread.onSpinWait();
    }
    process.destroyForcibly();
    victim.libvirtd().kill();
  }
}
