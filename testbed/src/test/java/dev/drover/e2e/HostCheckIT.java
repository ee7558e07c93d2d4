package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HostSettings;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.junit.DroverTestbed;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    while (true) {
      var status =
          Migration.apply(
                  testbed, vm, "dryRun: true\ntarget: {nodeName: %s}\n".formatted(target.name()))
              .awaitEnd();
      // A host whose libvirtd was restarted just now is away for a moment.
      if (!reasons(status).contains("TargetNotReady")) {
        return status;
      }
    }
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
    int before = reserved();
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
      Files.writeString(HUGE_PAGES, Integer.toString(before));
    }
  }

  @Test
  void certificatesAreLookedAtOnBothHosts(Testbed testbed, @TempDir Path directory) {
    var pki = new Pki(directory);
    pki.authority("ca");
    pki.authority("other");
    var source = testbed.addHost(HostSettings.defaults());
    var target = testbed.addHost(HostSettings.defaults());
    try {
      for (var host : List.of(source, target)) {
        pki.certificate(host.name(), "ca", host.ip(), 30);
        pki.install(host, "ca", host.name());
        host.speakTls();
        host.daemon().with("DROVER_PEER_TRANSPORT", "tls").restart();
      }
      try (var machine = Machine.start(testbed, source, "certified", "")) {
        assertThat(reasons(check(testbed, machine.name(), target))).isEmpty();

        pki.certificate("old", "ca", target.ip(), 0);
        pki.certificate("elsewhere", "ca", "192.0.2.9", 30);
        pki.put(target, "libvirt/servercert.pem", "old.pem");
        pki.put(target, "qemu/server-cert.pem", "elsewhere.pem");
        target.exec("rm", "/etc/pki/qemu/server-key.pem").orThrow();
        // libvirtd has read its certificate when it started: it still answers.
        assertThat(reasons(check(testbed, machine.name(), target)))
            .containsExactlyInAnyOrder(
                "CertificateExpired", "CertificateNameMismatch", "CertificateMissing");

        pki.certificate("foreign", "other", target.ip(), 5);
        pki.install(target, "other", "foreign");
        var untrusted = check(testbed, machine.name(), target);
        assertThat(reasons(untrusted)).isNotEmpty().containsOnly("CertificateUntrusted");
        target.libvirtd().restart();
        assertThat(reasons(check(testbed, machine.name(), target)))
            .contains("CertificateUntrusted", "ConnectionToTargetFailed");

        pki.certificate("soon", "ca", target.ip(), 5);
        pki.install(target, "ca", "soon");
        target.libvirtd().restart();
        source.exec("rm", "/etc/pki/libvirt/clientcert.pem").orThrow();
        var missing = check(testbed, machine.name(), target);
        assertThat(reasons(missing)).contains("CertificateMissing");
        assertThat(missing.failure().message()).contains("/etc/pki/libvirt/clientcert.pem");

        pki.install(source, "ca", source.name());
        var well = check(testbed, machine.name(), target);
        assertThat(reasons(well)).isEmpty();
        assertThat(warnings(well)).contains("CertificateExpired");
        // And so it is: all of it goes by TLS.
        Migration.apply(
                testbed, machine.name(), "target: {nodeName: %s}\n".formatted(target.name()))
            .awaitSucceeded();
        assertThat(target.virsh("domstate", machine.name()).out()).contains("running");
      }
    } finally {
      testbed.removeHost(target);
      testbed.removeHost(source);
    }
  }

  @Test
  void clocksThatDifferAreToldAndDoNoHarm(Testbed testbed) {
    var source = testbed.host("n1");
    var target = testbed.host("n2");
    setClock(target, Duration.ofSeconds(42));
    try (var machine = Machine.start(testbed, source, "early", "")) {
      Waiting.until(
          "the clock of n2 is told", () -> Math.abs(clockOffset(testbed, target) - 42_000) < 1_500);
      assertThat(Math.abs(clockOffset(testbed, source))).isLessThan(1_500);
      var status = check(testbed, machine.name(), target);
      assertThat(reasons(status)).isEmpty();
      assertThat(warnings(status)).containsExactly("ClockSkew");
      assertThat(status.candidates().getFirst().warnings().getFirst().message())
          .containsPattern("the clock of n2 is 4[0-9][.,][0-9] s ahead of that of n1");
      try {
        Migration.apply(testbed, machine.name(), "target: {nodeName: n2}\n").awaitSucceeded();
      } finally {
        new Machine(target, machine.name()).close();
      }
    } finally {
      setClock(target, Duration.ZERO);
    }
    Waiting.until(
        "the clock of n2 is right again", () -> Math.abs(clockOffset(testbed, target)) < 1_500);
  }

  /** A daemon looks at once when it starts; later, every other minute. */
  private static void setClock(HypervisorHost host, Duration ahead) {
    host.daemon().kill();
    host.clock().setAhead(ahead);
    host.daemon().start();
    host.daemon().awaitReady();
  }

  /** In ms; far off if it was not told. */
  private static long clockOffset(Testbed testbed, HypervisorHost host) {
    Long offset = NodeStatus.of(testbed, host).clockOffsetMilliseconds();
    return offset == null ? Long.MAX_VALUE / 2 : offset;
  }

  private static List<String> warnings(LiveMigrationStatus status) {
    return status.candidates().stream()
        .flatMap(c -> c.warningsOrEmpty().stream())
        .map(Blocker::reason)
        .distinct()
        .toList();
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
    assertThat(reserved()).isEqualTo(pages);
  }

  /** Not by Java, which reads a file without a size byte by byte: the kernel answers once only. */
  private static int reserved() {
    return Integer.parseInt(Command.of("cat", HUGE_PAGES.toString()).output().strip());
  }
}
