package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.node.bandwidth.BandwidthCap;
import dev.drover.node.bandwidth.BandwidthCap.Share;
import dev.drover.node.bandwidth.MemoryPace;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps one transfer within its cap while its streams, and the cap, change. Not thread-safe. */
final class BandwidthTuner {
  private static final Logger LOG = LoggerFactory.getLogger(BandwidthTuner.class);

  /** libvirt counts a mirror in steps of 16 MiB, so a shorter look sees nothing or far too much. */
  private static final Duration MEASURE_EVERY = Duration.ofSeconds(5);

  private static final Duration MEASURE_FIRST = Duration.ofSeconds(1);

  /** libvirt's word for a mirror without a cap. */
  private static final long NO_CAP = 0;

  private static final long MEBIBYTE = 1 << 20;

  private final Hypervisor hypervisor;
  private final UUID uuid;
  private final List<String> disks;
  private final boolean mirrorsCanBeTuned;
  private final Map<String, Long> diskCaps = new HashMap<>();
  private final int connections;
  private final MemoryPace pace;
  private Optional<BandwidthCap> cap;

  /** Of each mirror where they can't be tuned; empty: none. */
  private final OptionalInt fixedDiskMebibytesPerSecond;

  /** What libvirt was last told; empty: not known. */
  private Optional<OptionalInt> memoryCap;

  private boolean mirrorsMayBeCapped;
  private @Nullable Instant measuredAt;
  private Duration measureFor = MEASURE_EVERY;
  private boolean measuredInStep;
  private long measuredDiskBytes;
  private long diskBytesPerSecond;

  /**
   * @param fresh the transfer is started with {@link #initialMebibytesPerSecond}; else nothing is
   *     known of what libvirt was told
   * @param connections that memory goes over
   * @param pace what to ask of QEMU for a share of memory
   */
  BandwidthTuner(
      Hypervisor hypervisor,
      UUID uuid,
      List<String> disks,
      Optional<BandwidthCap> cap,
      boolean mirrorsCanBeTuned,
      boolean fresh,
      int connections,
      MemoryPace pace) {
    this.hypervisor = hypervisor;
    this.uuid = uuid;
    this.disks = disks;
    this.cap = cap;
    this.connections = connections;
    this.pace = pace;
    this.mirrorsCanBeTuned = mirrorsCanBeTuned;
    this.fixedDiskMebibytesPerSecond = initialMebibytesPerSecond();
    this.memoryCap = fresh ? Optional.of(initialMebibytesPerSecond()) : Optional.empty();
    this.mirrorsMayBeCapped = !fresh;
  }

  /** What the transfer starts with: libvirt gives it to memory and to each mirror alike. */
  OptionalInt initialMebibytesPerSecond() {
    if (cap.isEmpty()) {
      return OptionalInt.empty();
    }
    var total = cap.get().totalMebibytesPerSecond();
    if (disks.isEmpty()) {
      return OptionalInt.of(pace.ask(total));
    }
    return OptionalInt.of(
        mirrorsCanBeTuned
            ? Math.max(1, total / disks.size())
            : cap.get().evenlyForEver(disks.size()));
  }

  /**
   * Goes by another cap from the next {@link #tune} on.
   *
   * @return why not all of the transfer will, if that is so
   */
  Optional<String> retune(Optional<BandwidthCap> newCap) {
    mirrorsMayBeCapped |= cap.isPresent();
    cap = newCap;
    int lowest = connections * LiveMigrationSpec.LEAST_BANDWIDTH_PER_CONNECTION;
    if (connections > 1 && cap.isPresent() && cap.get().totalMebibytesPerSecond() < lowest) {
      return Optional.of(
          "memory goes over %d connections, for which no cap below %d MiB/s holds; it gets as little as QEMU can"
              .formatted(connections, lowest));
    }
    if (mirrorsCanBeTuned || disks.isEmpty()) {
      return Optional.empty();
    }
    var fixed = fixedDiskMebibytesPerSecond;
    var memory = memoryBesideFixedDisks();
    return Optional.of(
        "libvirt here is older than 11 and can't change the copy of a disk while it runs: "
            + (fixed.isPresent() ? "each keeps " + fixed.getAsInt() + " MiB/s" : "none has a cap")
            + "; memory gets "
            + (memory.isPresent() ? memory.getAsInt() + " MiB/s" : "what the link has"));
  }

  private OptionalInt memoryBesideFixedDisks() {
    return totalMebibytesPerSecond().isEmpty()
        ? OptionalInt.empty()
        : OptionalInt.of(
            Math.max(
                1,
                totalMebibytesPerSecond().getAsInt()
                    - fixedDiskMebibytesPerSecond.orElse(0) * disks.size()));
  }

  /** The cap of all streams together; empty: none. */
  OptionalInt totalMebibytesPerSecond() {
    return cap.isPresent()
        ? OptionalInt.of(cap.get().totalMebibytesPerSecond())
        : OptionalInt.empty();
  }

  /** Adapts the shares to what the transfer does now. */
  void tune(JobStatistics job, TransferSignals signals, Instant now) throws HypervisorException {
    if (signals.isPostCopy()) { // the mirrors have ended before, and only one stream is left
      tell(totalMebibytesPerSecond());
      return;
    }
    if (job.memoryTotalBytes() > 0) {
      pace.saw(job.memoryProcessedBytes(), now);
    }
    if (disks.isEmpty()) {
      setMemory(totalMebibytesPerSecond());
      return;
    }
    if (!mirrorsCanBeTuned) {
      setMemory(memoryBesideFixedDisks());
      return;
    }
    if (cap.isEmpty()) {
      setMemory(OptionalInt.empty());
      if (mirrorsMayBeCapped) {
        disks.forEach(disk -> setDisk(disk, NO_CAP));
      }
      return;
    }
    boolean memoryIsSent = job.memoryTotalBytes() > 0;
    measure(job, memoryIsSent, now);
    int inStep = signals.disksInStep();
    Share share =
        memoryIsSent
            ? cap.get().whileMemoryIsSent(disks.size(), diskBytesPerSecond)
            : cap.get().whileDisksAreCopied(disks.size() - inStep, inStep);
    var memory = OptionalInt.of(share.memoryMebibytesPerSecond());
    Map<String, Long> mirrors = new HashMap<>();
    for (String disk : disks) {
      long bytes =
          memoryIsSent || signals.isInStep(disk)
              ? share.inStepDiskBytesPerSecond()
              : share.copyingDiskBytesPerSecond();
      if (bytes > 0) {
        mirrors.put(disk, bytes);
      }
    }
    // What shrinks first: the sum must not exceed the cap in between. Where both grow, memory
    // first: QEMU may let a mirror wait a second for its next step before it listens. Memory does
    // not wait for that with what the cap has left in any case.
    boolean mirrorsShrink =
        mirrors.entrySet().stream().anyMatch(e -> e.getValue() < told(e.getKey()));
    if (mirrorsShrink && grows(memory)) {
      var atOnce = besideWhatMirrorsMayHave(mirrors);
      if (atOnce.isPresent() && grows(atOnce)) {
        setMemory(atOnce);
      }
      mirrors.forEach(this::setDisk);
      setMemory(memory);
    } else {
      setMemory(memory);
      mirrors.forEach(this::setDisk);
    }
  }

  /** Memory's part of the cap while no mirror has listened yet; empty: there is none. */
  private OptionalInt besideWhatMirrorsMayHave(Map<String, Long> mirrors) {
    long left = totalMebibytesPerSecond().orElse(0) * MEBIBYTE;
    for (var mirror : mirrors.entrySet()) {
      left -= Math.min(left, Math.max(mirror.getValue(), told(mirror.getKey())));
    }
    return left < MEBIBYTE ? OptionalInt.empty() : OptionalInt.of((int) (left / MEBIBYTE));
  }

  private long told(String disk) {
    long bytes = diskCaps.getOrDefault(disk, NO_CAP);
    return bytes == NO_CAP ? Long.MAX_VALUE : bytes;
  }

  private boolean grows(OptionalInt share) {
    int memory = share.isPresent() ? pace.ask(share.getAsInt()) : Integer.MAX_VALUE;
    return memoryCap.filter(now -> now.isEmpty() || now.getAsInt() >= memory).isEmpty();
  }

  /**
   * What the copying of the disks took says nothing of what keeping them in step takes: when memory
   * begins to be sent, it is measured anew, and briefly at first, as the mirrors hold half of the
   * cap until then.
   */
  private void measure(JobStatistics job, boolean memoryIsSent, Instant now) {
    if (memoryIsSent && !measuredInStep) {
      measuredInStep = true;
      measuredAt = null;
      measureFor = MEASURE_FIRST;
    }
    if (measuredAt == null) {
      measuredAt = now;
      measuredDiskBytes = job.diskProcessedBytes();
      return;
    }
    var window = Duration.between(measuredAt, now);
    if (window.compareTo(measureFor) >= 0) {
      diskBytesPerSecond =
          Math.max(0, job.diskProcessedBytes() - measuredDiskBytes) * 1000 / window.toMillis();
      measuredAt = now;
      measuredDiskBytes = job.diskProcessedBytes();
      measureFor = MEASURE_EVERY;
    }
  }

  /** What QEMU is asked for may be less, so that no more goes over. */
  private void setMemory(OptionalInt share) throws HypervisorException {
    tell(share.isPresent() ? OptionalInt.of(pace.ask(share.getAsInt())) : share);
  }

  private void tell(OptionalInt mebibytesPerSecond) throws HypervisorException {
    if (!memoryCap.equals(Optional.of(mebibytesPerSecond))) {
      hypervisor.setMemoryBandwidth(uuid, mebibytesPerSecond);
      memoryCap = Optional.of(mebibytesPerSecond);
    }
  }

  /**
   * A mirror that has not begun yet, or is over, can't be told; the next look finds it otherwise.
   */
  private void setDisk(String disk, long bytesPerSecond) {
    if (Long.valueOf(bytesPerSecond).equals(diskCaps.get(disk))) {
      return;
    }
    try {
      hypervisor.setDiskBandwidth(uuid, disk, bytesPerSecond);
      diskCaps.put(disk, bytesPerSecond);
    } catch (HypervisorException e) {
      LOG.atDebug()
          .addKeyValue("domain", uuid)
          .addKeyValue("disk", disk)
          .addKeyValue("error", e.getMessage())
          .log("A mirror could not be given its share yet");
    }
  }
}
