package dev.drover.node.source;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Forecast;
import dev.drover.api.v1alpha1.LiveMigrationStatus.ForecastError;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import dev.drover.node.report.ReportQueue.Urgency;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The forecast of one transfer: told as soon as there is one, which may be a moment after its start
 * (no transfer waits for it), and held against what came of it.
 */
final class Expectation {
  /** What is less counts as that much, in ms: it is not worth a percentage. */
  private static final long LEAST_MILLISECONDS = 100;

  private static final int MOST_PERCENT = 100_000;

  private final SourceReports.Voice voice;
  private final Supplier<Optional<Forecast>> next;
  private final Supplier<Optional<Forecast>> asFarAsKnown;

  /**
   * @param next one look for it; may ask libvirt
   * @param asFarAsKnown by what was learned until then; never waits
   */
  Expectation(
      SourceReports.Voice voice,
      Supplier<Optional<Forecast>> next,
      Supplier<Optional<Forecast>> asFarAsKnown) {
    this.voice = voice;
    this.next = next;
    this.asFarAsKnown = asFarAsKnown;
  }

  /** Tells the forecast, once there is one. */
  void look() {
    if (voice.forecast().isEmpty()) {
      next.get().ifPresent(forecast -> voice.expects(forecast, Urgency.Eventually));
    }
  }

  /** The result with how far the forecast was off; asks nobody. */
  Result judge(Result result) {
    if (voice.forecast().isEmpty()) {
      asFarAsKnown.get().ifPresent(forecast -> voice.expects(forecast, Urgency.Eventually));
    }
    return new Result(
        result.downtimeMilliseconds(),
        result.libvirtDowntimeMilliseconds(),
        result.handOverMilliseconds(),
        result.totalMilliseconds(),
        result.transferredBytes(),
        result.iterations(),
        result.commit(),
        result.postCopy(),
        voice.forecast().flatMap(forecast -> error(forecast, result)).orElse(null));
  }

  /** Empty if the forecast can't be held to anything. */
  static Optional<ForecastError> error(Forecast forecast, Result result) {
    if (!forecast.converges() || Boolean.TRUE.equals(result.postCopy())) {
      return Optional.empty();
    }
    return Optional.of(
        new ForecastError(
            percent(forecast.seconds() * 1000, result.totalMilliseconds(), LEAST_MILLISECONDS),
            percent(forecast.bytes(), result.transferredBytes(), 1),
            percent(
                forecast.downtimeMilliseconds(),
                result.downtimeMilliseconds(),
                LEAST_MILLISECONDS)));
  }

  private static @Nullable Integer percent(long expected, @Nullable Long actual, long least) {
    if (actual == null) {
      return null;
    }
    double was = (double) Math.max(least, actual);
    double off = ((double) Math.max(least, expected) - was) * 100 / was;
    return Math.toIntExact(Math.round(Math.min(MOST_PERCENT, off)));
  }
}
