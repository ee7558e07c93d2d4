package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What a dry run finds out about two hosts and the way between them. The guests are empty machines:
 * firmware that waits for a disk.
 */
@DroverTestbed
class HostCheckIT {
  private static final Path HUGE_PAGES = Path.of("/proc/sys/vm/nr_hugepages");
  private static final int FIRST_PORT = 49152;
  private static final int LAST_PORT = 49215;

  /** A machine that is defined, started and gone again. */
  private record Machine(HypervisorHost host, String name) implements AutoCloseable {
    static Machine start(Testbed testbed, HypervisorHost host, String name, String more) {
      var xml =
          """
          <domain type='qemu'>
            <name>%s</name>
            <memory unit='MiB'>64</memory>
            <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
            %s
          </domain>
          """
              .formatted(name, more);
      host.exec("sh", "-c", "cat > /tmp/machine.xml <<'END'\n" + xml + "END\n").orThrow();
      host.virsh("define", "/tmp/machine.xml").orThrow();
      var machine = new Machine(host, name);
      try {
        host.virsh("start", name).orThrow();
        Migration.awaitSeen(testbed, name, host.name());
        return machine;
      } catch (RuntimeException | AssertionError e) {
        machine.close();
        throw e;
      }
    }

    @Override
    public void close() {
      host.virsh("destroy", name);
      host.virsh("undefine", name);
    }
  }

  private static LiveMigrationStatus check(Testbed testbed, String vm, HypervisorHost target) {
    return Migration.apply(
            testbed, vm, "dryRun: true\ntarget: {nodeName: %s}\n".formatted(target.name()))
        .awaitEnd();
  }

  private static List<String> reasons(LiveMigrationStatus status) {
    return status.candidates().stream()
        .filter(c -> c.blockers() != null)
        .flatMap(c -> c.blockers().stream())
        .map(Blocker::reason)
        .toList();
  }

  @Test
  void theSourceTriesTheMigrationPorts(Testbed testbed) {
    var source = testbed.host("n1");
    var target = testbed.host("n2");
    try (var machine =
        Machine.start(
            testbed,
            source,
            "tied",
            "<devices><shmem name='drover-test'><model type='ivshmem-plain'/><size unit='M'>1</size></shmem></devices>")) {
      // Also on a real one: before anything is made.
      var tied = Migration.apply(testbed, machine.name(), "target: {nodeName: n2}\n");
      assertThat(tied.awaitFailed(Reason.DeviceNotMovable).failure().message())
          .contains("drover-test");
    }
    try (var machine = Machine.start(testbed, source, "knocking", "")) {
      assertThat(reasons(check(testbed, machine.name(), target))).isEmpty();

      source.dropOutgoing(target, FIRST_PORT, LAST_PORT);
      try {
        var status = check(testbed, machine.name(), target);
        assertThat(reasons(status)).containsExactly("MigrationPortUnreachable");
        assertThat(status.failure().message()).contains("n1", "n2", target.ip(), "does not answer");
      } finally {
        source.clearFirewall();
      }

      var listening =
          target.exec(
              "sh",
              "-c",
              """
              perl -MIO::Socket::INET -e '
                my @all = map { IO::Socket::INET->new(Listen => 1, LocalPort => $_, ReuseAddr => 1) or die $_ } %d..%d;
                open(my $f, ">", "/tmp/all-ports"); print $f $$; close $f; sleep 300' >/dev/null 2>&1 &
              for i in $(seq 100); do [ -s /tmp/all-ports ] && break; sleep 0.1; done; cat /tmp/all-ports
              """
                  .formatted(FIRST_PORT, LAST_PORT));
      try {
        assertThat(listening.out()).isNotBlank();
        assertThat(reasons(check(testbed, machine.name(), target)))
            .containsExactly("NoMigrationPort");
        var real = Migration.apply(testbed, machine.name(), "target: {nodeName: n2}\n");
        real.awaitFailed(Reason.NoMigrationPort);
      } finally {
        target.exec("sh", "-c", "kill $(cat /tmp/all-ports); rm /tmp/all-ports");
      }
      assertThat(source.virsh("domstate", machine.name()).out()).contains("running");
    }
  }

  @Test
  void hugePagesHaveToBeThereAndThenTheGuestMoves(Testbed testbed) throws IOException {
    var before = Files.readString(HUGE_PAGES);
    var source = testbed.host("n1");
    var target = testbed.host("n2");
    try {
      List.of(source, target).forEach(HostCheckIT::mountHugePages);
      reserve(50); // 32 for the guest: hosts of a testbed share a kernel, so 18 are left
      try (var machine =
          Machine.start(
              testbed,
              source,
              "huge",
              "<memoryBacking><hugepages/><source type='memfd'/></memoryBacking>")) {
        var status = check(testbed, machine.name(), target);
        assertThat(reasons(status)).containsExactly("InsufficientHugePages");
        assertThat(status.failure().message()).contains("64 MiB", "2048 KiB", "36 MiB");
        Migration.apply(testbed, machine.name(), "target: {nodeName: n2}\n")
            .awaitFailed(Reason.InsufficientHugePages);

        reserve(70);
        assertThat(reasons(check(testbed, machine.name(), target))).isEmpty();
        try {
          Migration.apply(testbed, machine.name(), "target: {nodeName: n2}\n").awaitSucceeded();
          assertThat(target.virsh("domstate", machine.name()).out()).contains("running");
        } finally {
          new Machine(target, machine.name()).close();
        }
      }
    } finally {
      List.of(source, target).forEach(host -> host.exec("umount", "-l", "/run/hugepages"));
      Files.writeString(HUGE_PAGES, before);
    }
  }

  /** libvirt looks for such a file system when it starts. */
  private static void mountHugePages(HypervisorHost host) {
    host.exec(
            "sh",
            "-c",
            "mkdir -p /run/hugepages && mount -t hugetlbfs -o pagesize=2M hugetlbfs /run/hugepages")
        .orThrow();
    host.libvirtd().restart();
  }

  /** The kernel finds as many as it can; on a machine that is up for long these few are there. */
  private static void reserve(int pages) throws IOException {
    Files.writeString(HUGE_PAGES, Integer.toString(pages));
    assertThat(Files.readString(HUGE_PAGES).strip()).isEqualTo(Integer.toString(pages));
  }
}
