package dev.drover.node.source;

import dev.drover.node.bandwidth.BandwidthCap;
import dev.drover.node.bandwidth.BandwidthCap.Share;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps one transfer within its cap while its streams come and go. Not thread-safe. */
final class BandwidthTuner {
  private static final Logger LOG = LoggerFactory.getLogger(BandwidthTuner.class);

  /** libvirt counts a mirror in steps of 16 MiB, so a shorter look sees nothing or far too much. */
  private static final Duration MEASURE_EVERY = Duration.ofSeconds(5);

  private final Hypervisor hypervisor;
  private final UUID uuid;
  private final List<String> disks;
  private final BandwidthCap cap;
  private final boolean mirrorsCanBeTuned;
  private final Map<String, Long> diskCaps = new HashMap<>();
  private int memoryCap;
  private @Nullable Instant measuredAt;
  private long measuredDiskBytes;
  private long diskBytesPerSecond;

  BandwidthTuner(
      Hypervisor hypervisor,
      UUID uuid,
      List<String> disks,
      BandwidthCap cap,
      boolean mirrorsCanBeTuned) {
    this.hypervisor = hypervisor;
    this.uuid = uuid;
    this.disks = disks;
    this.cap = cap;
    this.mirrorsCanBeTuned = mirrorsCanBeTuned;
  }

  /** What the transfer starts with: libvirt gives it to memory and to each mirror alike. */
  OptionalInt initialMebibytesPerSecond() {
    if (disks.isEmpty()) {
      return OptionalInt.of(cap.totalMebibytesPerSecond());
    }
    return OptionalInt.of(
        mirrorsCanBeTuned
            ? Math.max(1, cap.totalMebibytesPerSecond() / disks.size())
            : cap.evenlyForEver(disks.size()));
  }

  /** Adapts the shares to what the transfer does now. */
  void tune(JobStatistics job, TransferSignals signals, Instant now) throws HypervisorException {
    if (!mirrorsCanBeTuned || disks.isEmpty()) {
      return;
    }
    measure(job, now);
    boolean memoryIsSent = job.memoryTotalBytes() > 0;
    int inStep = signals.disksInStep();
    Share share =
        memoryIsSent
            ? cap.whileMemoryIsSent(disks.size(), diskBytesPerSecond)
            : cap.whileDisksAreCopied(disks.size() - inStep, inStep);
    // What shrinks first: the sum must not exceed the cap in between.
    if (share.memoryMebibytesPerSecond() <= memoryCap) {
      setMemory(share);
      setDisks(share, signals, memoryIsSent);
    } else {
      setDisks(share, signals, memoryIsSent);
      setMemory(share);
    }
  }

  private void measure(JobStatistics job, Instant now) {
    if (measuredAt == null) {
      measuredAt = now;
      measuredDiskBytes = job.diskProcessedBytes();
      return;
    }
    var window = Duration.between(measuredAt, now);
    if (window.compareTo(MEASURE_EVERY) >= 0) {
      diskBytesPerSecond =
          Math.max(0, job.diskProcessedBytes() - measuredDiskBytes) * 1000 / window.toMillis();
      measuredAt = now;
      measuredDiskBytes = job.diskProcessedBytes();
    }
  }

  private void setMemory(Share share) throws HypervisorException {
    if (share.memoryMebibytesPerSecond() != memoryCap) {
      hypervisor.setMemoryBandwidth(uuid, share.memoryMebibytesPerSecond());
      memoryCap = share.memoryMebibytesPerSecond();
    }
  }

  /**
   * A mirror that has not begun yet, or is over, can't be told; the next look finds it otherwise.
   */
  private void setDisks(Share share, TransferSignals signals, boolean memoryIsSent) {
    for (String disk : disks) {
      long bytes =
          memoryIsSent || signals.isInStep(disk)
              ? share.inStepDiskBytesPerSecond()
              : share.copyingDiskBytesPerSecond();
      if (bytes > 0 && !Long.valueOf(bytes).equals(diskCaps.get(disk))) {
        try {
          hypervisor.setDiskBandwidth(uuid, disk, bytes);
          diskCaps.put(disk, bytes);
        } catch (HypervisorException e) {
          LOG.atDebug()
              .addKeyValue("domain", uuid)
              .addKeyValue("disk", disk)
              .addKeyValue("error", e.getMessage())
              .log("A mirror could not be given its share yet");
        }
      }
    }
  }
}
