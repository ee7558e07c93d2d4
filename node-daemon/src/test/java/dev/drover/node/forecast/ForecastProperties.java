package dev.drover.node.forecast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.drover.node.convergence.TransferPolicy;
import java.time.Duration;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class ForecastProperties {
  private static final long MIB = 1 << 20;

  @Provide
  Arbitrary<Prospect> prospects() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 1_000_000),
            Arbitraries.longs().between(0, 1_000_000),
            Arbitraries.longs().between(0, 20_000),
            Arbitraries.longs().between(0, 1_000_000),
            Arbitraries.longs().between(1, 20_000),
            Arbitraries.integers().between(1, 60_000),
            Arbitraries.integers().between(1, 604_800))
        .as(
            (disk, memory, dirty, writable, rate, downtime, timeout) ->
                new Prospect(
                    disk * MIB,
                    memory * MIB,
                    dirty * MIB,
                    Math.min(writable, memory) * MIB,
                    rate * MIB,
                    Duration.ofMillis(downtime),
                    Duration.ofSeconds(timeout)));
  }

  @Property
  void whatConvergesKeepsBothLimits(@ForAll("prospects") Prospect prospect) {
    var forecast = Forecast.of(prospect);
    if (forecast.converges()) {
      assertThat(forecast.downtime()).isLessThanOrEqualTo(prospect.stop().longest());
      assertThat(forecast.duration()).isLessThanOrEqualTo(prospect.completionTimeout());
    }
  }

  @Property
  void everyByteTakesItsTime(@ForAll("prospects") Prospect prospect) {
    var forecast = Forecast.of(prospect);
    if (forecast.converges()) {
      double seconds = forecast.bytes() / (double) prospect.bytesPerSecond();
      assertThat(forecast.duration().toMillis() / 1e3)
          .isCloseTo(seconds, within(0.002 + seconds * 1e-6));
      assertThat(forecast.bytes())
          .isGreaterThanOrEqualTo(prospect.diskBytes() + prospect.memoryBytes());
    }
  }

  @Property
  void aBusierGuestIsNeverSooner(
      @ForAll("prospects") Prospect prospect, @ForAll @IntRange(min = 1, max = 1000) int more) {
    var busier =
        new Prospect(
            prospect.diskBytes(),
            prospect.memoryBytes(),
            prospect.dirtyBytesPerSecond() + more * MIB,
            prospect.writableBytes(),
            prospect.bytesPerSecond(),
            prospect.stop().longest(),
            prospect.completionTimeout());
    var one = Forecast.of(prospect);
    var other = Forecast.of(busier);
    if (other.converges()) {
      assertThat(one.converges()).isTrue();
    }
  }

  @Property
  void aGuestThatWritesNothingIsCopiedOnce(@ForAll("prospects") Prospect p) {
    var idle =
        new Prospect(
            p.diskBytes(),
            p.memoryBytes(),
            0,
            p.writableBytes(),
            p.bytesPerSecond(),
            p.stop().longest(),
            Duration.ofDays(100_000));
    var forecast = Forecast.of(idle);
    assertThat(forecast.converges()).isTrue();
    assertThat(forecast.bytes()).isEqualTo(p.diskBytes() + p.memoryBytes());
  }

  @Example
  void aGuestThatWritesFasterThanTheLinkNeverConverges() {
    var forecast =
        Forecast.of(
            new Prospect(
                0,
                1024 * MIB,
                200 * MIB,
                1024 * MIB,
                100 * MIB,
                Duration.ofMillis(500),
                Duration.ofHours(1)));
    assertThat(forecast.converges()).isFalse();
    assertThat(forecast.downtime()).isGreaterThan(Duration.ofSeconds(5));
  }

  @Example
  void unlessAllThatItWritesToFitsIntoTheDowntime() {
    var forecast =
        Forecast.of(
            new Prospect(
                0,
                1024 * MIB,
                200 * MIB,
                40 * MIB,
                100 * MIB,
                Duration.ofMillis(500),
                Duration.ofHours(1)));
    assertThat(forecast.converges()).isTrue();
    assertThat(forecast.downtime()).isEqualTo(Duration.ofMillis(400));
    assertThat(forecast.bytes()).isEqualTo(1064 * MIB);
  }

  /** A fifth of what may be told first, 314 ms at most, 130 beside it; the stop knows no cap. */
  @Example
  void theGuestIsStoppedAsTheTransferIsSteered() {
    var policy =
        new TransferPolicy(
            Duration.ofMillis(500),
            Duration.ofHours(1),
            TransferPolicy.OnTimeout.Abort,
            false,
            false,
            TransferPolicy.Switchover.Automatic);
    var forecast =
        Forecast.of(
            Prospect.of(
                0,
                1000 * MIB,
                MemoryWrites.of(20 * MIB),
                100 * MIB,
                Stop.of(policy, 200 * MIB),
                Duration.ofHours(1),
                Duration.ofSeconds(2)));
    // 1000, 200, 40; the 8 MiB after that take 80 ms: more than 62, and another pass is cheap.
    assertThat(forecast.bytes()).isBetween(1249 * MIB, 1250 * MIB);
    assertThat(forecast.downtime()).isEqualTo(Duration.ofMillis(8 + 130));
    assertThat(forecast.duration()).isEqualTo(Duration.ofMillis(2000 + 12_480 + 138));
    assertThat(forecast.converges()).isTrue();
  }

  @Example
  void passesShrinkByTheRatioOfTheRates() {
    // 1024, 512, 256, 128 MiB at 100 MiB/s; the 64 after that would take 640 ms, the 32 take 320.
    var forecast =
        Forecast.of(
            new Prospect(
                0,
                1024 * MIB,
                50 * MIB,
                1024 * MIB,
                100 * MIB,
                Duration.ofMillis(500),
                Duration.ofHours(1)));
    assertThat(forecast.downtime()).isEqualTo(Duration.ofMillis(320));
    assertThat(forecast.bytes()).isEqualTo((1024 + 512 + 256 + 128 + 64 + 32) * MIB);
    assertThat(forecast.converges()).isTrue();
  }
}
