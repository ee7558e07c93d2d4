package dev.drover.node.cold;

import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Progress;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.report.MigrationLog;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** Brings the disks to the target, and makes sure that both hosts hold the same. */
final class DiskMove {
  private static final MigrationLog LOG = new MigrationLog(LoggerFactory.getLogger(DiskMove.class));

  private final ColdScene scene;
  private final ColdVoice voice;
  private final @Nullable Progress before;
  private final FileCopy files;
  private @Nullable ColdProgress progress;

  /**
   * @param before how far an earlier life of this daemon came
   */
  DiskMove(ColdScene scene, ColdVoice voice, @Nullable Progress before) {
    this.scene = scene;
    this.voice = voice;
    this.before = before;
    this.files = new FileCopy(scene, voice);
  }

  /**
   * Copies what the target has not confirmed yet.
   *
   * @return with what the files hold
   */
  Cold copy(Cold cold) throws Ended, InterruptedException {
    boolean allConfirmed = cold.digests() != null;
    var sizes = files.sizes();
    long total = sizes.stream().mapToLong(Long::longValue).sum();
    long confirmed = allConfirmed ? total : Math.min(total, confirmedBefore());
    var now = scene.clock().instant();
    var meter = new ColdProgress(total, confirmed, scene.startedAt(), now);
    progress = meter;
    var unused =
        voice.say(
            State.Transferring,
            Reason.Transferring,
            "%d disks are being copied to %s".formatted(sizes.size(), scene.order().targetNode()),
            cold,
            null,
            meter.at(now));
    LOG.info(voice.ref())
        .addKeyValue("target", scene.order().targetNode())
        .addKeyValue("bytes", total)
        .addKeyValue("from", confirmed)
        .log("The disks of a guest that is shut off are copied");
    var copied = files.copy(sizes, confirmed, meter);
    if (allConfirmed) {
      requireEqual(copied, cold);
    }
    return cold.copied(copied);
  }

  /**
   * Waits for what the target's daemon reads. INVARIANT: the definition goes only to copies that
   * hold, byte for byte, what is here.
   */
  void compare(Cold cold) throws Ended, InterruptedException {
    var copied = copied(cold);
    while (!copied.isEmpty() && scene.signals().digests().isEmpty()) {
      scene.mayGoOn();
      scene.requireOff();
      scene.signals().await(ColdScene.TICK);
    }
    var there = scene.signals().digests().orElse(List.of());
    for (DiskDigest mine : copied) {
      if (!there.contains(mine)) {
        throw new Ended(
            Reason.ChecksumMismatch,
            "disk %s: the source's file has %d bytes and SHA-256 %s, the copy %s"
                .formatted(
                    mine.target(),
                    mine.bytes(),
                    mine.sha256(),
                    there.stream()
                        .filter(d -> d.target().equals(mine.target()))
                        .findFirst()
                        .map(d -> "%d bytes and %s".formatted(d.bytes(), d.sha256()))
                        .orElse("was not read")));
      }
    }
  }

  /** Reads the disks here again: throws if they are not what was copied any more. */
  void requireUnchanged(Cold cold) throws Ended, InterruptedException {
    requireEqual(files.read(files.sizes()), cold);
  }

  private static void requireEqual(List<DiskDigest> now, Cold cold) throws Ended {
    if (!now.equals(copied(cold))) {
      throw new Ended(
          Reason.ChecksumMismatch,
          "the disks have changed here since they were copied: the guest was used meanwhile");
    }
  }

  private static List<DiskDigest> copied(Cold cold) {
    return Objects.requireNonNullElse(cold.digests(), List.of());
  }

  /** Bytes that went over the wire in this life of the daemon. */
  long sentBytes() {
    return progress == null ? 0 : progress.sentBytes();
  }

  /** All of it is over. */
  Progress finished(Instant now) {
    var meter =
        progress != null
            ? progress
            : new ColdProgress(
                before == null ? 0 : before.diskTotalBytes(),
                confirmedBefore(),
                scene.startedAt(),
                now);
    return meter.finished(now);
  }

  private long confirmedBefore() {
    return before == null ? 0 : before.diskProcessedBytes();
  }
}
