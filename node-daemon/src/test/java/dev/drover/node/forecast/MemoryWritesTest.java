package dev.drover.node.forecast;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
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
  void tooFewPagesTellNoBound() {
    assertThat(MemoryWrites.of(4 * MIB, 6 * MIB).workingSetBytes()).isEmpty();
    assertThat(MemoryWrites.of(0, 0)).isEqualTo(MemoryWrites.NONE);
    assertThat(MemoryWrites.of(0, 6 * MIB).bytesPerSecond()).isEqualTo(2 * MIB);
  }

  /** A guest that sweeps over its working set, seen through QEMU's few pages. */
  @Property(tries = 500)
  void aBoundIsRarelyTooSmallAndARateRarelyTooLow(
      @ForAll @IntRange(min = 32, max = 2048) int workingSetMib,
      @ForAll @IntRange(min = 1, max = 2000) int mibPerSecond,
      @ForAll Random random) {
    long once = sampled(Math.min(workingSetMib, mibPerSecond), random);
    long thrice = sampled(Math.min(workingSetMib, 3 * mibPerSecond), random);
    var writes = MemoryWrites.of(once, thrice);
    if (writes.workingSetBytes().isPresent()) {
      assertThat(writes.workingSetBytes().getAsLong())
          .as("within three standard errors")
          .isGreaterThan(Math.round(Math.min(workingSetMib, 3 * mibPerSecond) * 0.5 * MIB));
    }
  }

  /** Each sampled page is hit with the probability that its memory was written to. */
  private static long sampled(int mebibytes, Random random) {
    int pages = mebibytes / 2;
    double noise = random.nextGaussian() * Math.sqrt(pages);
    return Math.max(
        0,
        Math.round(
                (pages
                        + Math.max(-2, Math.min(2, noise / Math.sqrt(Math.max(1, pages))))
                            * Math.sqrt(pages))
                    * 2)
            * MIB);
  }
}
