package dev.drover.node.forecast;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

class MemoryWritesTest {
  private static final long MIB = 1 << 20;

  @Example
  void whatGrowsWithTimeHasNoBound() {
    var writes = MemoryWrites.of(100 * MIB, 300 * MIB);
    assertThat(writes.bytesPerSecond()).isEqualTo(100 * MIB);
    assertThat(writes.workingSetBytes()).isEmpty();
  }

  @Example
  void whatIsTheSameAfterThreeSecondsIsTheWorkingSet() {
    var writes = MemoryWrites.of(128 * MIB, 128 * MIB);
    assertThat(writes.atOnce()).isTrue();
    // The error of 64 sampled pages is added: a guest is not promised to be calmer than it is.
    assertThat(writes.workingSetBytes()).hasValue(144 * MIB);
    assertThat(writes.reckonedBytesPerSecond()).isEqualTo(1440 * MIB);
  }

  @Example
  void whatIsReachedBetweenTheTwoHasARateAndABound() {
    var writes = MemoryWrites.of(400 * MIB, 600 * MIB);
    assertThat(writes.atOnce()).isFalse();
    assertThat(writes.bytesPerSecond()).isEqualTo(400 * MIB);
    assertThat(writes.workingSetBytes().getAsLong()).isBetween(600 * MIB, 650 * MIB);
  }

  @Example
  void aGuestThatHasCalmedDownInBetweenHasNoBound() {
    assertThat(MemoryWrites.of(128 * MIB, 60 * MIB)).isEqualTo(MemoryWrites.of(20 * MIB));
  }

  @Example
  void tooFewPagesTellNoBound() {
    assertThat(MemoryWrites.of(4 * MIB, 6 * MIB).workingSetBytes()).isEmpty();
    assertThat(MemoryWrites.of(0, 0)).isEqualTo(MemoryWrites.NONE);
    assertThat(MemoryWrites.of(0, 6 * MIB).bytesPerSecond()).isEqualTo(2 * MIB);
  }

  /** A guest that sweeps over its working set, seen through QEMU's few pages. */
  @Property(tries = 1000)
  void noBoundIsMadeUpAndNoneIsMuchTooSmall(
      @ForAll @IntRange(min = 16, max = 4096) int workingSetMib,
      @ForAll @IntRange(min = 1, max = 2000) int mibPerSecond,
      @ForAll @DoubleRange(min = -1, max = 1) double luckOfTheShort,
      @ForAll @DoubleRange(min = -1, max = 1) double luckOfTheLong) {
    long inOne = Math.min(workingSetMib, mibPerSecond);
    long inThree = Math.min(workingSetMib, 3 * mibPerSecond);
    var writes = MemoryWrites.of(sampled(inOne, luckOfTheShort), sampled(inThree, luckOfTheLong));
    if (3 * mibPerSecond <= workingSetMib) {
      assertThat(writes.workingSetBytes()).isEmpty();
    }
    writes
        .workingSetBytes()
        .ifPresent(bound -> assertThat(bound).isGreaterThan(workingSetMib * MIB * 3 / 4));
  }

  /** Each sampled page stands for 2 MiB; {@code luck} in standard errors. */
  private static long sampled(long mebibytes, double luck) {
    double pages = (double) mebibytes / 2;
    return Math.round((pages + luck * Math.sqrt(pages)) * 2 * (double) MIB);
  }
}
