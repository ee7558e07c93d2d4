package dev.drover.node.target;

import dev.drover.api.v1alpha1.SourceReport.BackingImage;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.backing.ImageDigests.Answer;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import org.jspecify.annotations.Nullable;

/**
 * Whether the images that a disk stands on are here, too: each at the same path, and either the
 * very bytes that the source sees (the probe beside it), or others of the same digest. An overlay
 * on another base is a destroyed disk, so a name and a size prove nothing.
 */
final class BaseProof {
  /** What came of it. */
  sealed interface Verdict {
    /**
     * @param nearest the one that the disk stands on
     */
    record Proved(BackingImage nearest) implements Verdict {}

    record Missing(String why) implements Verdict {}

    /** An image is still being read. */
    record Unfinished(String why) implements Verdict {}
  }

  private final Hypervisor hypervisor;
  private final Probes probes;
  private final ImageDigests digests;

  BaseProof(Hypervisor hypervisor, Probes probes, ImageDigests digests) {
    this.hypervisor = hypervisor;
    this.probes = probes;
    this.digests = digests;
  }

  Verdict prove(Disk disk) throws HypervisorException {
    var images = disk.backingOrEmpty();
    if (images.isEmpty()) {
      return new Verdict.Missing("what it stands on is not known");
    }
    @Nullable Verdict unfinished = null;
    for (BackingImage image : images) {
      var verdict = prove(image);
      if (verdict instanceof Verdict.Missing) {
        return verdict;
      }
      if (verdict instanceof Verdict.Unfinished) {
        unfinished = verdict;
      }
    }
    return unfinished == null ? new Verdict.Proved(images.getFirst()) : unfinished;
  }

  /** Null if it is here. */
  private @Nullable Verdict prove(BackingImage image) throws HypervisorException {
    String pool = image.pool();
    String volume = image.volume();
    if (pool == null || volume == null) {
      return new Verdict.Missing("%s is in no storage pool of the source".formatted(image.path()));
    }
    var here = hypervisor.volume(pool, volume);
    if (here.isEmpty()) {
      return new Verdict.Missing("pool \"%s\" here has no volume \"%s\"".formatted(pool, volume));
    }
    if (!here.get().path().equals(image.path())) {
      return new Verdict.Missing(
          "volume \"%s\" is at another path here (%s)".formatted(volume, here.get().path()));
    }
    if (probes.sees(pool, image.probe())) {
      return null;
    }
    var own = digests.ask(pool, volume);
    String sha256 = image.sha256();
    if (sha256 == null) { // the source reads it, too, when this host keeps it waiting
      return new Verdict.Unfinished(
          "volume \"%s\" was not read to its end at the source".formatted(volume));
    }
    return switch (own) {
      case Answer.Known(var digest) ->
          digest.equals(sha256)
              ? null
              : new Verdict.Missing(
                  "volume \"%s\" of pool \"%s\" has other content here".formatted(volume, pool));
      case Answer.Reading() ->
          new Verdict.Unfinished("volume \"%s\" is being read here".formatted(volume));
      case Answer.Unreadable(var why) ->
          new Verdict.Missing("volume \"%s\" can't be read here: %s".formatted(volume, why));
    };
  }
}
