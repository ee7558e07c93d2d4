package dev.drover.node.inventory;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongConsumer;

/**
 * Compares this host's clock with the API server's, by the {@code Date} of its answers: a few times
 * at the start, then every other minute.
 */
final class ClockWatch {
  /** Not a part of a second, so that the looks are at different moments of one. */
  private static final Duration FIRST_LOOKS = Duration.ofMillis(1_370);

  private static final int FIRST = 8;
  private static final long NARROW_MILLISECONDS = 250;
  private static final Duration LATER_LOOKS = Duration.ofMinutes(2);
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private final KubernetesClient client;
  private final InstantSource clock;
  private final LongConsumer told;
  private final ClockOffset offset = new ClockOffset();
  private int looks;

  /**
   * @param told hears the offset in ms after each look, once it is narrowed down
   */
  ClockWatch(KubernetesClient client, InstantSource clock, LongConsumer told) {
    this.client = client;
    this.clock = clock;
    this.told = told;
  }

  /** One look; returns when the next one is due. */
  Duration round() throws InterruptedException {
    look();
    looks = Math.min(looks + 1, FIRST);
    // Not the first rough figure: what is told stays until it is off by much.
    offset
        .estimate()
        .filter(estimate -> estimate.within() <= NARROW_MILLISECONDS || looks == FIRST)
        .ifPresent(estimate -> told.accept(estimate.milliseconds()));
    return looks < FIRST ? FIRST_LOOKS : LATER_LOOKS;
  }

  private void look() throws InterruptedException {
    var http = client.getHttpClient();
    var url = client.getMasterUrl().toString().replaceFirst("/$", "") + "/version";
    var request = http.newHttpRequestBuilder().uri(url).build();
    try {
      var sent = clock.instant();
      var answer =
          http.sendAsync(request, byte[].class).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
      var received = clock.instant();
      date(answer).ifPresent(said -> offset.saw(sent, received, said));
    } catch (ExecutionException | TimeoutException e) {
      // The heartbeat says that the API server is away; here there is only nothing to be learned.
      looks = 0;
    }
  }

  /** Of any answer, a refusal included. */
  private static Optional<Instant> date(HttpResponse<?> answer) {
    List<String> dates = answer.headers("Date");
    try {
      return dates.isEmpty()
          ? Optional.empty()
          : Optional.of(
              ZonedDateTime.parse(dates.getFirst(), DateTimeFormatter.RFC_1123_DATE_TIME)
                  .toInstant());
    } catch (DateTimeException e) {
      return Optional.empty(); // of a proxy that has its own idea of a date
    }
  }
}
