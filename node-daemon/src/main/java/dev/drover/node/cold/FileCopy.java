package dev.drover.node.cold;

import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.bandwidth.Pace;
import dev.drover.node.cold.ColdOrder.DiskFile;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.VolumeReader.Piece;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * Copies files to the target, one after the other, byte for byte, under one cap. In parts: each
 * part is known to be there when it is over, and is what {@code status.progress} tells and a
 * restarted daemon goes on from.
 */
final class FileCopy {
  private static final long LEAST_PART = 4L << 20;
  private static final long MOST_PART = 64L << 20;
  private static final int PART_SECONDS = 2;

  /** For how long a broken connection is tried again. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final ColdScene scene;
  private final ColdVoice voice;
  private final Pace pace = new Pace();
  private final byte[] buffer = new byte[FileDigest.PIECE_BYTES];

  FileCopy(ColdScene scene, ColdVoice voice) {
    this.scene = scene;
    this.voice = voice;
  }

  /** Sizes of the files, in the order of the copies. */
  List<Long> sizes() throws Ended, InterruptedException {
    List<Long> sizes = new ArrayList<>();
    for (DiskFile file : scene.order().copies()) {
      sizes.add(size(file));
    }
    return sizes;
  }

  private long size(DiskFile file) throws Ended, InterruptedException {
    while (true) {
      scene.mayGoOn();
      try {
        return scene
            .hypervisor()
            .fileBytes(file.pool(), file.volume())
            .orElseThrow(
                () ->
                    new Ended(
                        Reason.TransferFailed,
                        "disk %s is gone from pool \"%s\"".formatted(file.target(), file.pool())));
      } catch (HypervisorException e) {
        scene.signals().await(ColdScene.TICK);
      }
    }
  }

  /** What the files hold now; nothing is sent. */
  List<DiskDigest> read(List<Long> sizes) throws Ended, InterruptedException {
    long all = sizes.stream().mapToLong(Long::longValue).sum();
    var now = scene.clock().instant();
    return copy(sizes, all, new ColdProgress(all, all, scene.startedAt(), now));
  }

  /**
   * Copies what is not there yet.
   *
   * @param confirmedBefore how much of all files, in their order, an earlier life has copied
   * @return what the files hold
   */
  List<DiskDigest> copy(List<Long> sizes, long confirmedBefore, ColdProgress progress)
      throws Ended, InterruptedException {
    List<DiskDigest> digests = new ArrayList<>();
    long before = 0;
    for (int i = 0; i < sizes.size(); i++) {
      DiskFile file = scene.order().copies().get(i);
      long size = sizes.get(i);
      long offset = Math.clamp(confirmedBefore - before, 0, size);
      FileDigest digest = copyOne(file, size, offset, progress);
      digests.add(new DiskDigest(file.target(), digest.bytes(), digest.hexadecimal()));
      before += size;
    }
    return List.copyOf(digests);
  }

  private FileDigest copyOne(DiskFile file, long size, long offset, ColdProgress progress)
      throws Ended, InterruptedException {
    FileDigest digest = new FileDigest();
    Instant failingSince = null;
    while (digest.bytes() < size) {
      scene.mayGoOn();
      scene.requireOff();
      FileDigest attempt = digest.copy();
      try {
        if (digest.bytes() < offset) {
          // There already; what it is has to be known all the same, and is not sent for it.
          attempt.read(scene.hypervisor(), file.pool(), file.volume(), offset, scene::isWanted);
        } else {
          long length = Math.min(partBytes(), size - digest.bytes());
          long sent = copyPart(file, digest.bytes(), length, attempt);
          progress.confirmed(length, sent);
          voice.progress(progress.at(scene.clock().instant()));
        }
        if (attempt.bytes() == digest.bytes()) {
          throw new Ended(
              Reason.TransferFailed, "the file of disk %s is cut short".formatted(file.target()));
        }
        digest = attempt;
        failingSince = null;
      } catch (HypervisorException e) {
        scene.mayGoOn();
        Instant now = scene.clock().instant();
        failingSince = failingSince == null ? now : failingSince;
        if (!isWorthAnotherTry(e) || now.isAfter(failingSince.plus(PATIENCE))) {
          throw new Ended(reason(e), "disk %s: %s".formatted(file.target(), e.getMessage()));
        }
        scene.target().disconnect();
        scene.signals().await(Duration.ofSeconds(1));
      }
    }
    return digest;
  }

  /** Some seconds' worth, so that progress is told often enough and little is sent twice. */
  private long partBytes() {
    OptionalInt cap = scene.signals().limits().mebibytesPerSecond();
    return cap.isEmpty()
        ? MOST_PART
        : Math.clamp(((long) cap.getAsInt() << 20) * PART_SECONDS, LEAST_PART, MOST_PART);
  }

  /**
   * @return how many bytes went over the wire
   */
  private long copyPart(DiskFile file, long offset, long length, FileDigest digest)
      throws HypervisorException, Ended, InterruptedException {
    long end = offset + length;
    long sent = 0;
    try (var reader =
            scene
                .hypervisor()
                .readVolume(file.pool(), file.volume(), offset, length, scene::isWanted);
        var writer =
            scene
                .target()
                .peer()
                .writeVolume(
                    file.targetPool(), file.targetVolume(), offset, length, scene::isWanted)) {
      while (true) {
        switch (reader.read(buffer)) {
          case Piece.Data(var count) -> {
            hold(count);
            writer.write(buffer, count);
            digest.data(buffer, count);
            sent += count;
          }
          case Piece.Hole(var count) -> {
            writer.hole(count);
            digest.zeroes(count);
          }
          case Piece.End() -> {
            if (digest.bytes() != end) {
              throw new Ended(
                  Reason.TransferFailed,
                  "the file of disk %s ends at %d instead of %d bytes"
                      .formatted(file.target(), digest.bytes(), end));
            }
            writer.finish();
            return sent;
          }
        }
      }
    }
  }

  private void hold(int bytes) throws Ended, InterruptedException {
    var until = scene.clock().instant();
    var wait = pace.after(bytes, scene.signals().limits().mebibytesPerSecond(), until);
    until = until.plus(wait);
    while (wait.toMillis() > 0) {
      scene.signals().await(wait);
      scene.mayGoOn();
      wait = Duration.between(scene.clock().instant(), until);
    }
  }

  private static boolean isWorthAnotherTry(HypervisorException e) {
    return switch (e.kind()) {
      case Unavailable, PeerUnreachable, Timeout, Other, Conflict, NotFound -> true;
      default -> false;
    };
  }

  private static Reason reason(HypervisorException e) {
    return switch (e.kind()) {
      case NoSpace -> Reason.InsufficientDiskSpace;
      case PeerUnreachable -> Reason.ConnectionToTargetFailed;
      default -> Reason.TransferFailed;
    };
  }
}
