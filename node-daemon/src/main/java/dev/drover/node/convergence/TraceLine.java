package dev.drover.node.convergence;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;

/**
 * A sample as a line of JSON: what a daemon logs at debug, and what {@link Replay} reads. Bytes,
 * bytes/s, ms.
 */
public record TraceLine(
    long elapsed,
    int iteration,
    long total,
    long remaining,
    long rate,
    long dirty,
    long allowed,
    int throttle) {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static TraceLine of(Sample sample) {
    return new TraceLine(
        sample.elapsed().toMillis(),
        sample.iteration(),
        sample.memoryTotalBytes(),
        sample.memoryRemainingBytes(),
        sample.memoryBytesPerSecond(),
        sample.dirtyBytesPerSecond(),
        sample.allowedDowntime().toMillis(),
        sample.throttlePercent());
  }

  static TraceLine parse(String line) {
    try {
      return JSON.readValue(line, TraceLine.class);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not a look at a transfer: " + line, e);
    }
  }

  /** {@code allowed} instead of the downtime that was allowed when it was recorded. */
  Sample sample(Duration allowedDowntime) {
    return new Sample(
        Duration.ofMillis(elapsed),
        iteration,
        total,
        remaining,
        rate,
        dirty,
        allowedDowntime,
        throttle);
  }

  Sample sample() {
    return sample(Duration.ofMillis(allowed));
  }

  /** The line. */
  @Override
  public String toString() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers can be written", e);
    }
  }
}
