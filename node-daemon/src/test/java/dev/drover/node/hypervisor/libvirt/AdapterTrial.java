package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorListener;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.Peer;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.Transfer;
import dev.drover.node.hypervisor.TransferRequest;
import dev.drover.node.hypervisor.VolumeSpec;
import dev.drover.node.hypervisor.VolumeState;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/**
 * Drives the adapter by hand against two real hosts: run it on the first, as root, with a guest
 * there that has a qcow2 disk {@code vda} in a pool {@code default}; the other host has such a
 * pool, too, and listens on TCP without authentication. Prints what it sees, with times in ms.
 *
 * <pre>
 * AdapterTrial (facts|storage|guest|fenced|abort|postcopy|bandwidth|reconnect|killed|stuck|cycles) OTHER_IP UUID
 * </pre>
 */
public final class AdapterTrial {
  private static final String POOL = "default";
  private static final long START = System.nanoTime();

  private final LibvirtHypervisor here;
  private final PeerAddress other;
  private final String otherUri;
  private final UUID guest;

  private AdapterTrial(LibvirtHypervisor here, PeerAddress other, UUID guest) {
    this.here = here;
    this.other = other;
    this.otherUri = TransferCall.uri(other);
    this.guest = guest;
  }

  public static void main(String[] arguments) throws Exception {
    long before = System.nanoTime();
    LibvirtHypervisor here =
        hypervisor(arguments.length > 3 ? arguments[3] : "qemu:///system", "here");
    say("constructed in %.1f ms", (System.nanoTime() - before) / 1e6);
    awaitConnected(here);
    AdapterTrial trial =
        new AdapterTrial(
            here,
            new PeerAddress(InetAddress.getByName(arguments[1]), PeerAddress.Transport.tcp),
            UUID.fromString(arguments[2]));
    switch (arguments[0]) {
      case "facts" -> trial.facts();
      case "storage" -> trial.storage();
      case "guest" -> trial.guest();
      case "fenced" -> trial.fenced();
      case "abort" -> trial.abort();
      case "postcopy" -> trial.postCopy();
      case "bandwidth" -> trial.bandwidth();
      case "reconnect" -> trial.reconnect();
      case "killed" -> trial.killed();
      case "stuck" -> trial.stuck();
      case "cycles" -> trial.cycles();
      default -> throw new IllegalArgumentException(arguments[0]);
    }
    here.close();
    TimeUnit.MILLISECONDS.sleep(200);
    say("done");
  }

  private void facts() throws HypervisorException {
    timed("host", here::host);
    timed("memory", here::availableMemoryBytes);
    timed("pools", here::pools);
    timed("domains", here::domains);
    timed("domains again", here::domains);
    for (String machine : List.of("pc-q35-10.0", "pc-q35-7.2", "pc-q35-99.9", "bogus")) {
      timed(machine, () -> here.supportsMachine("x86_64", "qemu", machine));
    }
    timed("on kvm", () -> here.supportsMachine("x86_64", "kvm", "pc-q35-10.0"));
    timed("on sparc", () -> here.supportsMachine("sparc", "qemu", "SS-5"));
    timed("on no architecture", () -> here.supportsMachine("z80", "qemu", "x"));
    timed("no such domain", () -> here.domain(UUID.randomUUID()));
    timed("job of none", () -> here.job(UUID.randomUUID()));
    timed(
        "abort without a job",
        () -> {
          here.abortJob(guest);
          return "?";
        });
  }

  private void storage() throws HypervisorException {
    String name = "trial-ü.qcow2";
    timed("volume absent", () -> here.volume(POOL, name));
    timed("volume in no pool", () -> here.volume("nopool", name));
    timed("create", () -> create(here, name, "qcow2", 100 << 20));
    timed("create again", () -> create(here, name, "qcow2", 100 << 20));
    timed("create in no pool", () -> create(here, "x", "raw", 10));
    timed("create nowhere", () -> createIn("nopool"));
    timed("create with a slash", () -> create(here, "../x", "raw", 10));
    timed("volume", () -> here.volume(POOL, name));
    timed("delete", () -> delete(here, name));
    timed("delete again", () -> delete(here, name));
    timed("delete x", () -> delete(here, "x"));
    byte[] content = ("probe " + UUID.randomUUID()).getBytes(StandardCharsets.UTF_8);
    timed(
        "write probe",
        () -> {
          here.writeProbe(POOL, "probe", content);
          return content.length;
        });
    timed(
        "write probe again",
        () -> {
          here.writeProbe(POOL, "probe", content);
          return "?";
        });
    timed(
        "read probe",
        () -> here.readProbe(POOL, "probe", 4096).map(b -> new String(b, StandardCharsets.UTF_8)));
    timed("read 5 bytes", () -> here.readProbe(POOL, "probe", 5).map(b -> b.length));
    timed("probe's volume", () -> here.volume(POOL, "probe"));
    timed("delete probe", () -> delete(here, "probe"));
    timed("read no probe", () -> here.readProbe(POOL, "probe", 4096));
    byte[] large = new byte[3 << 20];
    new java.util.Random(1).nextBytes(large);
    timed(
        "large probe",
        () -> {
          here.writeProbe(POOL, "large", large);
          return java.util.Arrays.equals(
              large, here.readProbe(POOL, "large", 8 << 20).orElseThrow());
        });
    timed("delete large", () -> delete(here, "large"));
    timed("a volume too large", () -> create(here, "huge", "raw", 1L << 60));
    timed("delete huge", () -> delete(here, "huge"));
  }

  private void guest() throws HypervisorException {
    timed("describe", () -> here.describe(guest));
    timed("describe none", () -> here.describe(UUID.randomUUID()));
    timed("process", () -> here.emulatorProcess(guest).map(EmulatorProcess::pid));
    timed("no process", () -> here.emulatorProcess(UUID.randomUUID()).map(EmulatorProcess::pid));
  }

  /** A fenced hand-over, as the source's daemon does it. */
  private void fenced() throws Exception {
    LibvirtHypervisor there = hypervisor(otherUri, "there");
    awaitConnected(there);
    List<VolumeState> made = makeDisks(there);
    long peerFrom = System.nanoTime();
    try (Peer peer = here.connectPeer(other, Duration.ofSeconds(5));
        EmulatorProcess process = here.emulatorProcess(guest).orElseThrow()) {
      say("peer connected in %.1f ms", (System.nanoTime() - peerFrom) / 1e6);
      CompletableFuture<Long> exit =
          CompletableFuture.supplyAsync(
              () -> {
                boolean over = process.awaitExit(Duration.ofMinutes(1));
                long at = System.nanoTime();
                timed("resume on the peer", () -> over ? resume(peer) : "?");
                say("resumed %.1f ms after the process was gone", (System.nanoTime() - at) / 1e6);
                return at;
              });
      Transfer transfer = here.startTransfer(request(true, false, OptionalInt.of(60)));
      CompletableFuture<Long> returned =
          transfer.returned().thenApply(nothing -> System.nanoTime());
      watch(transfer, there, 300);
      long gone = exit.get();
      say("libvirt returned %.1f ms after the process was gone", (returned.get() - gone) / 1e6);
      transfer.close();
      timed("state there", () -> peer.domain(guest));
      timed("state here", () -> here.domain(guest));
      timed("completed job there", () -> peer.completedJob(guest));
      timed("completed job there again", () -> peer.completedJob(guest));
    }
    say("made there: %s", made);
    there.close();
  }

  private void abort() throws Exception {
    LibvirtHypervisor there = hypervisor(otherUri, "there");
    awaitConnected(there);
    makeDisks(there);
    Transfer transfer = here.startTransfer(request(true, false, OptionalInt.of(5)));
    TimeUnit.MILLISECONDS.sleep(1500);
    timed(
        "a second transfer",
        () -> outcome(here.startTransfer(request(true, false, OptionalInt.empty()))));
    timed("job", () -> here.job(guest));
    timed(
        "abort",
        () -> {
          here.abortJob(guest);
          return "accepted";
        });
    timed("outcome", () -> outcome(transfer));
    timed("state here", () -> here.domain(guest));
    timed("state there", () -> there.domain(guest));
    for (GuestDescription.Disk disk : here.describe(guest).disks()) {
      timed("delete there", () -> delete(there, volumeOf(disk)));
    }
    PeerAddress nobody =
        new PeerAddress(InetAddress.getByName("10.97.0.77"), PeerAddress.Transport.tcp);
    timed("peer that is not there", () -> here.connectPeer(nobody, Duration.ofSeconds(2)));
    timed(
        "transfer to nobody",
        () ->
            outcome(
                here.startTransfer(
                    new TransferRequest(
                        guest,
                        nobody,
                        true,
                        true,
                        false,
                        List.of("vda"),
                        Map.of(),
                        OptionalInt.empty()))));
    timed(
        "transfer of a local disk as shared",
        () ->
            outcome(
                here.startTransfer(
                    new TransferRequest(
                        guest,
                        other,
                        true,
                        true,
                        false,
                        List.of(),
                        Map.of(),
                        OptionalInt.empty()))));
    there.close();
  }

  private void postCopy() throws Exception {
    LibvirtHypervisor there = hypervisor(otherUri, "there");
    awaitConnected(there);
    makeDisks(there);
    Transfer transfer = here.startTransfer(request(false, true, OptionalInt.of(20)));
    Instant giveUp = Instant.now().plusSeconds(60);
    while (Instant.now().isBefore(giveUp)) {
      Optional<JobStatistics> job = here.job(guest);
      // Post-copy is possible once memory is being sent.
      if (job.isPresent() && job.get().memoryProcessedBytes() > 20 << 20) {
        break;
      }
      TimeUnit.MILLISECONDS.sleep(100);
    }
    timed("job", () -> here.job(guest));
    timed(
        "start post-copy",
        () -> {
          here.startPostCopy(guest);
          return "accepted";
        });
    watch(transfer, there, 200);
    timed("outcome", () -> outcome(transfer));
    timed("state here", () -> here.domain(guest));
    timed("state there", () -> there.domain(guest));
    there.close();
  }

  private void bandwidth() throws Exception {
    LibvirtHypervisor there = hypervisor(otherUri, "there");
    awaitConnected(there);
    makeDisks(there);
    Transfer transfer = here.startTransfer(request(true, false, OptionalInt.of(4)));
    for (int i = 0; i < 4; i++) {
      TimeUnit.SECONDS.sleep(1);
      timed("job", () -> rates(here.job(guest)));
    }
    timed(
        "vda at 12 MiB/s",
        () -> {
          here.setDiskBandwidth(guest, "vda", 12L << 20);
          return "accepted";
        });
    timed(
        "memory at 10 MiB/s",
        () -> {
          here.setMemoryBandwidth(guest, OptionalInt.of(10));
          return "accepted";
        });
    timed(
        "downtime of 150 ms",
        () -> {
          here.setMaxDowntime(guest, Duration.ofMillis(150));
          return "accepted";
        });
    for (int i = 0; i < 12; i++) {
      TimeUnit.SECONDS.sleep(1);
      timed("job", () -> rates(here.job(guest)));
    }
    timed(
        "abort",
        () -> {
          here.abortJob(guest);
          return "accepted";
        });
    timed("outcome", () -> outcome(transfer));
    for (GuestDescription.Disk disk : here.describe(guest).disks()) {
      timed("delete there", () -> delete(there, volumeOf(disk)));
    }
    there.close();
  }

  /** Somebody kills and restarts libvirtd meanwhile. */
  private void reconnect() throws Exception {
    String last = "";
    for (int i = 0; i < 300; i++) {
      long before = System.nanoTime();
      String now;
      try {
        now = here.domain(guest).map(DomainState::run).toString();
      } catch (HypervisorException e) {
        now = e.kind() + " " + e.getMessage();
      }
      long took = System.nanoTime() - before;
      if (!now.equals(last) || took > 200_000_000) {
        say("%s (in %.1f ms)", now, took / 1e6);
        last = now;
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  /** Somebody stops (SIGSTOP) the guest's QEMU meanwhile, later libvirtd, and lets them go on. */
  private void stuck() throws Exception {
    for (int i = 0; i < 32; i++) {
      timed(
          "downtime of 150 ms",
          () -> {
            here.setMaxDowntime(guest, Duration.ofMillis(150));
            return "accepted";
          });
      timed("domains", () -> here.domains().size());
      TimeUnit.SECONDS.sleep(1);
    }
  }

  /** Somebody kills libvirtd during the transfer, and starts it again. */
  private void killed() throws Exception {
    LibvirtHypervisor there = hypervisor(otherUri, "there");
    awaitConnected(there);
    makeDisks(there);
    Transfer transfer = here.startTransfer(request(true, false, OptionalInt.of(5)));
    timed("outcome", () -> outcome(transfer));
    TimeUnit.SECONDS.sleep(5);
    timed("state here", () -> here.domain(guest));
    timed("job here", () -> here.job(guest));
    timed("state there", () -> there.domain(guest));
    timed("delete there", () -> delete(there, "g1.qcow2"));
    there.close();
  }

  private void cycles() throws Exception {
    timed("descriptors", AdapterTrial::resources);
    for (int i = 1; i <= 100; i++) {
      try (Peer peer = here.connectPeer(other, Duration.ofSeconds(5))) {
        Optional<DomainState> unused = peer.domain(guest);
      }
      LibvirtHypervisor again =
          new LibvirtHypervisor(LibvirtConfig.of(otherUri), InstantSource.system());
      awaitConnected(again);
      again.domains();
      again.close();
      if (i % 20 == 0) {
        TimeUnit.MILLISECONDS.sleep(1500);
        timed("after " + i, AdapterTrial::resources);
      }
    }
    for (int round = 0; round < 6; round++) {
      timed(
          "10000 calls",
          () -> {
            for (int i = 0; i < 10_000; i++) {
              here.domains();
            }
            return resources();
          });
    }
    System.gc();
    timed("after a collection", AdapterTrial::resources);
  }

  private static String resources() throws HypervisorException {
    try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.count()
          + " descriptors, "
          + Thread.getAllStackTraces().size()
          + " threads, "
          + Files.readAllLines(Path.of("/proc/self/status")).stream()
              .filter(line -> line.startsWith("VmRSS"))
              .findFirst()
              .orElse("");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String rates(Optional<JobStatistics> job) {
    return job.map(
            it ->
                "%s disk %.1f of %.1f MiB at %.1f MiB/s, memory %.1f left %.1f at %.1f MiB/s"
                    .formatted(
                        it.state(),
                        it.diskProcessedBytes() / 1048576.0,
                        it.diskTotalBytes() / 1048576.0,
                        it.diskBytesPerSecond() / 1048576.0,
                        it.memoryProcessedBytes() / 1048576.0,
                        it.memoryRemainingBytes() / 1048576.0,
                        it.memoryBytesPerSecond() / 1048576.0))
        .orElse("no job");
  }

  private void watch(Transfer transfer, LibvirtHypervisor there, int everyMilliseconds)
      throws InterruptedException {
    while (!transfer.returned().isDone()) {
      timed("job here", () -> here.job(guest));
      timed("job there", () -> there.job(guest).map(job -> job.operation() + "/" + job.state()));
      TimeUnit.MILLISECONDS.sleep(everyMilliseconds);
    }
  }

  private TransferRequest request(boolean landPaused, boolean postCopy, OptionalInt bandwidth) {
    return new TransferRequest(
        guest, other, landPaused, true, postCopy, List.of("vda"), Map.of(), bandwidth);
  }

  private List<VolumeState> makeDisks(LibvirtHypervisor there) throws HypervisorException {
    List<VolumeState> made = new ArrayList<>();
    for (GuestDescription.Disk disk : here.describe(guest).disks()) {
      if (disk.kind() == GuestDescription.Disk.Kind.File && !disk.readOnly()) {
        String name = volumeOf(disk);
        there.createVolume(new VolumeSpec(POOL, name, disk.format(), disk.capacityBytes()));
        made.add(there.volume(POOL, name).orElseThrow());
      }
    }
    return made;
  }

  private static String volumeOf(GuestDescription.Disk disk) {
    return String.valueOf(disk.volume());
  }

  private String resume(Peer peer) throws HypervisorException {
    peer.resume(guest);
    return "runs";
  }

  private static String outcome(Transfer transfer) {
    try {
      transfer.returned().join();
      return "returned well";
    } catch (CompletionException e) {
      return e.getCause() instanceof HypervisorException told
          ? told.kind() + " (" + told.code() + ") " + told.getMessage()
          : String.valueOf(e.getCause());
    }
  }

  private static String create(LibvirtHypervisor on, String name, String format, long capacity)
      throws HypervisorException {
    on.createVolume(new VolumeSpec(POOL, name, format, capacity));
    return "made";
  }

  private String createIn(String pool) throws HypervisorException {
    here.createVolume(new VolumeSpec(pool, "x", "raw", 10));
    return "made";
  }

  private static String delete(LibvirtHypervisor on, String name) throws HypervisorException {
    on.deleteVolume(POOL, name);
    return "deleted";
  }

  private static LibvirtHypervisor hypervisor(String uri, String name) {
    LibvirtHypervisor hypervisor =
        new LibvirtHypervisor(LibvirtConfig.of(uri), InstantSource.system());
    hypervisor.subscribe(
        new HypervisorListener() {
          @Override
          public void onDomainEvent(UUID uuid, DomainEvent event, Instant at) {
            tell(at, event);
          }

          @Override
          public void onIteration(UUID uuid, int iteration, Instant at) {
            tell(at, "iteration " + iteration);
          }

          @Override
          public void onJobCompleted(UUID uuid, JobStatistics statistics, Instant at) {
            tell(at, statistics);
          }

          @Override
          public void onDiskCopy(UUID uuid, String disk, DiskCopyEvent event, Instant at) {
            tell(at, disk + " " + event);
          }

          @Override
          public void onConnection(boolean connected, Instant at) {
            tell(at, connected ? "connected" : "disconnected");
          }

          private void tell(Instant at, Object what) {
            long late = Duration.between(at, Instant.now()).toNanos();
            say("EVENT %s: %s (told after %.2f ms)", name, what, late / 1e6);
          }
        });
    return hypervisor;
  }

  private static void awaitConnected(LibvirtHypervisor hypervisor) throws InterruptedException {
    while (!hypervisor.isConnected()) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }

  private interface Step {
    Object run() throws HypervisorException;
  }

  private static void timed(String what, Step step) {
    long before = System.nanoTime();
    String result;
    try {
      result = String.valueOf(step.run());
    } catch (HypervisorException e) {
      result = "threw " + e.kind() + " (" + e.code() + ") " + e.getMessage();
    }
    say("%s: %s [%.1f ms]", what, result, (System.nanoTime() - before) / 1e6);
  }

  private static void say(String format, Object... arguments) {
    System.out.printf(
        Locale.ROOT, "%8.1f %s%n", (System.nanoTime() - START) / 1e6, format.formatted(arguments));
  }
}
