package dev.drover.node.backing;

import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SHA-256 of whole images, by which two hosts find out that they have the same one. An image is
 * read once, on a thread of its own and one at a time, and its digest is known until the image is
 * written to; many guests stand on few images. Thread-safe.
 */
public final class ImageDigests implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ImageDigests.class);
  private static final int MOST_KNOWN = 256;
  private static final int MOST_WAITING = 64;

  /** What is known of an image. */
  public sealed interface Answer {
    /** All of it was read, and it has not changed since. */
    record Known(String sha256) implements Answer {}

    /** It is being read, or waits for that. */
    record Reading() implements Answer {}

    /** It can't be read; asked again, it is tried again. */
    record Unreadable(String why) implements Answer {}
  }

  private record Image(String pool, String volume) {}

  private record Word(String stamp, Answer answer) {}

  private final Hypervisor hypervisor;
  private final ThreadPoolExecutor reader =
      new ThreadPoolExecutor(
          0,
          1,
          10,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(MOST_WAITING),
          Thread.ofPlatform().name("image-digest").daemon(true).factory());

  /** The least recently used first. */
  private final Map<Image, Word> entries =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Image, Word> eldest) {
          return size() > MOST_KNOWN;
        }
      };

  public ImageDigests(Hypervisor hypervisor) {
    this.hypervisor = hypervisor;
  }

  /** Asks for an image, and has it read if nobody has asked before. Returns at once. */
  public Answer ask(String pool, String volume) throws HypervisorException {
    var stamp = hypervisor.volumeStamp(pool, volume);
    if (stamp.isEmpty()) {
      return new Answer.Unreadable("pool \"%s\" has no volume \"%s\"".formatted(pool, volume));
    }
    var image = new Image(pool, volume);
    synchronized (entries) {
      var known = entries.get(image);
      if (known != null && known.stamp().equals(stamp.get())) {
        if (known.answer() instanceof Answer.Unreadable) {
          entries.remove(image);
        }
        return known.answer();
      }
      try {
        reader.execute(() -> read(image, stamp.get()));
      } catch (RejectedExecutionException e) {
        return new Answer.Unreadable("too many images wait to be read");
      }
      entries.put(image, new Word(stamp.get(), new Answer.Reading()));
      return new Answer.Reading();
    }
  }

  private void read(Image image, String stamp) {
    Answer answer;
    try {
      var sha256 = hypervisor.volumeDigest(image.pool(), image.volume());
      Optional<String> after = hypervisor.volumeStamp(image.pool(), image.volume());
      answer =
          after.equals(Optional.of(stamp))
              ? new Answer.Known(sha256)
              : new Answer.Unreadable("it was written to while it was read");
    } catch (HypervisorException e) {
      answer = new Answer.Unreadable(String.valueOf(e.getMessage()));
    }
    LOG.atInfo()
        .addKeyValue("pool", image.pool())
        .addKeyValue("volume", image.volume())
        .addKeyValue("answer", answer)
        .log("An image that others stand on was read");
    synchronized (entries) {
      @Nullable Word now = entries.get(image);
      if (now != null && now.stamp().equals(stamp)) {
        entries.put(image, new Word(stamp, answer));
      }
    }
  }

  @Override
  public void close() {
    reader.shutdownNow();
  }
}
