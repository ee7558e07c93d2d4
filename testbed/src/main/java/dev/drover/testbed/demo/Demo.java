package dev.drover.testbed.demo;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.guest.DiskSpec;
import dev.drover.testbed.guest.Guest;
import dev.drover.testbed.guest.GuestSpec;
import dev.drover.testbed.guest.Verification;
import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Waiting;
import java.io.Console;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A VM under memory load moves from n1 to n2 with its disk, and back. What is printed about the
 * guest comes from the guest and from outside of it, not from Drover, except where it says so.
 */
public final class Demo {

  private static final Duration MIGRATION_DEADLINE = Duration.ofMinutes(5);
  private static final String VIRTUAL_MACHINE = "web";

  private final Testbed testbed;
  private final PrintStream out;
  private final Instant started = Instant.now();

  public Demo(Testbed testbed, PrintStream out) {
    this.testbed = testbed;
    this.out = out;
  }

  /** Shows it, and returns whether everything went as it should. */
  public boolean show() {
    if (testbed.hasNodes()) {
      installOnNodes();
    } else {
      step("A control plane and two hosts are up (n1, n2: libvirt and QEMU of their own)");
      testbed.installDrover();
      step("Drover is installed: the chart's CRDs, RBAC and policies, one operator, two daemons");
    }
    Guest guest =
        testbed.guest(
            GuestSpec.named(VIRTUAL_MACHINE)
                .inNamespace("default")
                .withDisk(DiskSpec.local(512))
                .dirtying(64, 10)
                .writing(1));
    guest.start(testbed.host("n1")).awaitBooted();
    guest.fillDisk(0, 128);
    awaitSeen("n1");
    step(
        "VM \"web\" runs on n1: 256 MiB of memory, 10 MiB/s of it dirtied, and a disk with 128 MiB written");

    boolean there = migrate(guest, "livemigration-block.yaml", "n1", "n2");
    boolean back = there && migrate(guest, "livemigration-back.yaml", "n2", "n1");
    step(back ? "Done" : "That is not how it should be; the logs are in " + testbed.logs());
    return back;
  }

  private void installOnNodes() {
    step(
        "A cluster is up; its two nodes are hypervisor hosts (n1, n2: libvirt and QEMU of their own)");
    out.println(testbed.kubectl("get", "nodes").out());
    step("helm install drover helm/drover --namespace drover-system --create-namespace");
    testbed.installDrover();
    out.println(testbed.kubectl("get", "pods", "-n", "drover-system", "-o", "wide").out());
    print(
        "TLS",
        "certificates of Drover's own CA are in place on both hosts, and their libvirtd was restarted once to use them");
  }

  private boolean migrate(Guest guest, String sample, String from, String to) {
    HypervisorHost target = testbed.host(to);
    String bootId = guest.bootId();
    Instant before = Instant.now();
    step("kubectl apply -f config/samples/" + sample + "   (" + from + " to " + to + ")");
    var migration = MigrationView.apply(testbed, samples().resolve(sample));
    follow(migration);
    if (!migration.succeeded()) {
      out.println("   " + migration.phase() + ", " + migration.failure());
      return false;
    }
    guest.awaitRunningOn(target);
    var silence = guest.silence(before);
    Verification verification = guest.verify();
    boolean same = guest.bootId().equals(bootId);
    out.println(testbed.kubectl("get", "lmig,dvm,hvn", "-A").out());
    print(
        "the guest",
        "up for %s, %s".formatted(seconds(guest.uptime()), same ? "never rebooted" : "REBOOTED"));
    print(
        "its memory",
        "%d pages dirtied and compared, %d bad"
            .formatted(verification.memoryPages(), verification.memoryBad()));
    verification
        .disks()
        .forEach(
            disk ->
                print(
                    "its disk " + disk.disk(),
                    "%d blocks read back, %d bad".formatted(disk.blocks(), disk.bad())));
    print(
        "copies of it",
        guest.twoCopiesHeard() ? "TWO WERE HEARD" : "never more than one was heard");
    print(
        "downtime",
        "%d ms between two of its heartbeats, seen from outside"
            .formatted(silence.length().toMillis()));
    print("", libvirtDowntime(target) + " by libvirt's own count");
    print("", migration.result("downtimeMilliseconds") + " ms in the status of the LiveMigration");
    print(
        "transfer",
        "%s ms in all, %s bytes, %s rounds"
            .formatted(
                migration.result("totalMilliseconds"),
                migration.result("transferredBytes"),
                migration.result("iterations")));
    guest.writeDisks(1);
    return same && verification.clean() && !guest.twoCopiesHeard();
  }

  /**
   * Shows the phases as they come, one line each, the present one rewritten in place on a terminal.
   */
  private void follow(MigrationView migration) {
    var shown = new AtomicReference<>("");
    boolean terminal = Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    Waiting.until(
        "the migration ends",
        MIGRATION_DEADLINE,
        () -> {
          migration.refresh();
          String line = migration.progressLine();
          if (!line.equals(shown.get())) {
            out.print(terminal ? "\r\033[K   " + line : "   " + line + "\n");
            out.flush();
            shown.set(line);
          }
          return migration.ended();
        });
    out.println();
  }

  private void awaitSeen(String node) {
    Waiting.until(
        "Drover sees the VM on " + node,
        () ->
            testbed
                .kubectl(
                    "get",
                    "dvm",
                    VIRTUAL_MACHINE,
                    "-n",
                    "default",
                    "-o",
                    "jsonpath={.status.nodeName}")
                .out()
                .equals(node));
  }

  /** libvirt's statistics of the last migration into a host. */
  private static String libvirtDowntime(HypervisorHost target) {
    return target
        .virsh("domjobinfo", VIRTUAL_MACHINE, "--completed")
        .out()
        .lines()
        .filter(line -> line.startsWith("Total downtime:"))
        .map(line -> line.substring(line.indexOf(':') + 1).strip().replaceAll(" +", " "))
        .findFirst()
        .orElse("-");
  }

  private void step(String text) {
    out.printf(
        "%n[%5.1f s] %s%n", Duration.between(started, Instant.now()).toMillis() / 1000.0, text);
  }

  private void print(String what, String text) {
    out.printf("   %-14s %s%n", what, text);
  }

  private static String seconds(Duration duration) {
    return "%.1f s".formatted(duration.toMillis() / 1000.0);
  }

  private static Path samples() {
    return Recipes.sourceTree().resolve("config/samples");
  }
}
