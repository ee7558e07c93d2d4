package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Forecast;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Forecast.Confidence;
import dev.drover.api.v1alpha1.LiveMigrationStatus.ForecastError;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Result;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ExpectationTest {
  private static Forecast forecast(boolean converges) {
    return new Forecast(10, 1000, 300, converges, Confidence.Medium, 5, 100, null);
  }

  private static Result result(
      @Nullable Long downtime, @Nullable Long total, @Nullable Long bytes, boolean postCopy) {
    return new Result(downtime, null, null, total, bytes, 3, "Fenced", postCopy);
  }

  @Test
  void theErrorIsInPercentOfWhatCameOfIt() {
    assertThat(Expectation.error(forecast(true), result(600L, 8_000L, 2_000L, false)))
        .contains(new ForecastError(25, -50, -50));
  }

  @Test
  void whatIsTooShortToBeAPercentageIsNone() {
    assertThat(Expectation.error(forecast(true), result(7L, 8_000L, null, false)))
        .contains(new ForecastError(25, null, 200));
  }

  @Test
  void whatWasNotPromisedIsNotHeldAgainstIt() {
    assertThat(Expectation.error(forecast(false), result(600L, 8_000L, 2_000L, false))).isEmpty();
    assertThat(Expectation.error(forecast(true), result(600L, 8_000L, 2_000L, true))).isEmpty();
  }
}
