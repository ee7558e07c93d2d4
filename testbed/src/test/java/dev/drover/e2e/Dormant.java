package dev.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.Waiting;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * A domain that is defined and shut off, with files full of random bytes for disks: what a cold
 * migration has to move is there within a second, as nothing has to boot. Closing it removes all of
 * it from both hosts.
 */
final class Dormant implements AutoCloseable {
  private static final String NVRAM_DIRECTORY = "/var/lib/libvirt/qemu/nvram";
  private static final String MACHINE = "pc-q35-7.2";

  private final Testbed testbed;
  private final String name;
  private final HypervisorHost source;
  private final HypervisorHost target;
  private final StringBuilder devices = new StringBuilder();
  private final List<String> moving = new ArrayList<>();
  private final Set<String> made = new LinkedHashSet<>();
  private String firmware = "";
  private int disks;

  Dormant(Testbed testbed, String name, HypervisorHost source, HypervisorHost target) {
    this.testbed = testbed;
    this.name = name;
    this.source = source;
    this.target = target;
  }

  /** A raw disk in the host's own pool: so much data, and a hole of that size. */
  Dormant withLocalDisk(int mebibytes) {
    String path = Scene.OWN_POOL + "/" + name + "-" + disks + ".raw";
    fill(source, path, mebibytes, mebibytes);
    moving.add(path);
    return withDisk(path, "raw", "");
  }

  /** A disk in the pool that both hosts have. */
  Dormant withSharedDisk(String more) {
    String path = "/mnt/shared/" + name + "-" + disks + ".raw";
    fill(source, path, 2, 0);
    return withDisk(path, "raw", more);
  }

  /** {@code more}: elements of the disk. */
  Dormant withDisk(String path, String format, String more) {
    made.add(path);
    return withDevice(
        """
        <disk type='file' device='disk'>
          <driver name='qemu' type='%s'/><source file='%s'/>
          <target dev='%s' bus='virtio'/>%s
        </disk>
        """
            .formatted(format, path, "vd" + (char) ('a' + disks++), more));
  }

  Dormant withDevice(String xml) {
    devices.append(xml);
    return this;
  }

  /** UEFI, with variables in a pool that is made for them on both hosts. */
  Dormant withFirmwareVariables() {
    String path = NVRAM_DIRECTORY + "/" + name + "_VARS.fd";
    for (var host : List.of(source, target)) {
      host.exec("mkdir", "-p", NVRAM_DIRECTORY).orThrow();
      host.virsh("pool-create-as", "nvram", "dir", "--target", NVRAM_DIRECTORY).orThrow();
    }
    fill(source, path, 1, 0);
    moving.add(path);
    made.add(path);
    firmware =
        "<loader readonly='yes' type='pflash'>/boot/guest/vmlinux</loader><nvram>%s</nvram>"
            .formatted(path);
    return this;
  }

  /** Defines it, and waits until Drover sees it. */
  Dormant define() {
    defineUnseen();
    Migration.awaitSeenShutOff(testbed, name, source.name());
    return this;
  }

  void defineUnseen() {
    var xml =
        """
        <domain type='qemu'>
          <name>%s</name>
          <uuid>%s</uuid>
          <metadata><o:who xmlns:o='urn:owner'>me</o:who></metadata>
          <memory unit='MiB'>64</memory>
          <os><type arch='x86_64' machine='%s'>hvm</type>%s</os>
          <features><acpi/></features>
          <devices>%s</devices>
        </domain>
        """
            .formatted(name, UUID.randomUUID(), MACHINE, firmware, devices);
    source.exec("sh", "-c", "cat > /tmp/dormant.xml <<'END'\n" + xml + "END\n").orThrow();
    source.virsh("define", "/tmp/dormant.xml").orThrow();
  }

  /** The same, once it has moved, on its way back. Not to be closed. */
  Dormant reversed() {
    Migration.awaitSeenShutOff(testbed, name, target.name());
    var back = new Dormant(testbed, name, target, source);
    back.moving.addAll(moving);
    return back;
  }

  String name() {
    return name;
  }

  HypervisorHost source() {
    return source;
  }

  HypervisorHost target() {
    return target;
  }

  Migration migrate(String more) {
    return Migration.apply(
        testbed, name, "target: {nodeName: %s}\nmode: Cold\n".formatted(target.name()) + more);
  }

  /** What {@code sha256sum} says of each file that has to move. */
  String digests(HypervisorHost host) {
    List<String> command = new ArrayList<>(List.of("sha256sum"));
    command.addAll(moving);
    return moving.isEmpty() ? "" : host.exec(command.toArray(String[]::new)).orThrow().out();
  }

  /** It is defined at the target, for good, with all that moves; and nothing is at the source. */
  void assertMoved(String digestsBefore) {
    assertThat(digests(target)).isEqualTo(digestsBefore);
    // What only looks like a definition is gone when libvirt starts again.
    target.libvirtd().restart();
    awaitReadyAgain(target);
    assertThat(target.virsh("dominfo", name).orThrow().out())
        .containsPattern("State: +shut off")
        .containsPattern("Persistent: +yes");
    assertThat(source.virsh("list", "--all", "--name").out()).doesNotContain(name);
    for (var file : moving) {
      assertThat(source.exec("test", "-e", file).succeeded()).as(file).isFalse();
    }
    assertNoProbesLeft();
  }

  /** Whoever asks for a host next shall not be told that its libvirt is away. */
  private void awaitReadyAgain(HypervisorHost host) {
    Waiting.until(
        "the daemon of " + host.name() + " has its libvirt again",
        () ->
            testbed.metrics(host.daemon().httpUrl()).contains("drover_daemon_libvirt_connected 1")
                && testbed
                    .kubectl(
                        "get",
                        "hvn",
                        host.name(),
                        "-o",
                        "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}")
                    .out()
                    .equals("True"));
  }

  /** It is at the source as it was, and nothing of it is at the target. */
  void assertStayed(String digestsBefore) {
    assertThat(digests(source)).isEqualTo(digestsBefore);
    assertThat(source.virsh("dominfo", name).orThrow().out()).containsPattern("Persistent: +yes");
    assertThat(target.virsh("list", "--all", "--name").out()).doesNotContain(name);
    for (var file : moving) {
      assertThat(target.exec("test", "-e", file).succeeded()).as(file).isFalse();
    }
    assertNoProbesLeft();
  }

  private void assertNoProbesLeft() {
    for (var host : List.of(source, target)) {
      for (var pool : List.of(Scene.OWN_POOL, "/mnt/shared")) {
        assertThat(host.files(pool)).noneMatch(f -> f.startsWith("drover-"));
      }
    }
  }

  private static void fill(HypervisorHost host, String path, int mebibytes, int holeMebibytes) {
    host.exec("dd", "if=/dev/urandom", "of=" + path, "bs=1M", "count=" + mebibytes).orThrow();
    host.exec("truncate", "-s", mebibytes + holeMebibytes + "M", path).orThrow();
  }

  @Override
  public void close() {
    for (var host : List.of(source, target)) {
      host.virsh("destroy", name);
      host.virsh("undefine", name, "--keep-nvram");
      made.forEach(file -> host.exec("rm", "-f", file));
      if (!firmware.isEmpty()) {
        host.virsh("pool-destroy", "nvram");
      }
    }
  }
}
