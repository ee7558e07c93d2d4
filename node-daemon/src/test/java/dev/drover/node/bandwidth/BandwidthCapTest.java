package dev.drover.node.bandwidth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class BandwidthCapTest {
  private static final long MIB = 1 << 20;

  @Property
  void theSharesOfDisksBeingCopiedNeverExceedTheCap(
      @ForAll @IntRange(min = 1, max = 100_000) int cap,
      @ForAll @IntRange(max = 16) int copying,
      @ForAll @IntRange(max = 16) int inStep) {
    var share = new BandwidthCap(cap).whileDisksAreCopied(copying, inStep);
    assertThat(
            copying * share.copyingDiskBytesPerSecond() + inStep * share.inStepDiskBytesPerSecond())
        .isLessThanOrEqualTo(cap * MIB);
  }

  @Property
  void memoryAndMirrorsNeverExceedTheCap(
      @ForAll @IntRange(min = 2, max = 100_000) int cap,
      @ForAll @IntRange(max = 16) int mirrors,
      @ForAll @LongRange(max = 1L << 40) long measured) {
    var share = new BandwidthCap(cap).whileMemoryIsSent(mirrors, measured);
    assertThat(share.memoryMebibytesPerSecond() * MIB + mirrors * share.inStepDiskBytesPerSecond())
        .isLessThanOrEqualTo(cap * MIB);
    assertThat(share.memoryMebibytesPerSecond()).isPositive();
  }

  @Test
  void withQuietDisksMemoryHasAlmostAllOfIt() {
    assertThat(new BandwidthCap(100).whileMemoryIsSent(2, 0).memoryMebibytesPerSecond())
        .isEqualTo(98);
  }

  @Test
  void aBusyDiskIsGivenWhatItNeedsAndSomeMore() {
    var share = new BandwidthCap(100).whileMemoryIsSent(1, 20 * MIB);
    assertThat(share.memoryMebibytesPerSecond()).isEqualTo(75);
    assertThat(share.inStepDiskBytesPerSecond()).isEqualTo(25 * MIB);
  }

  @Test
  void twoDisksHalveIt() {
    assertThat(new BandwidthCap(8).whileDisksAreCopied(2, 0).copyingDiskBytesPerSecond())
        .isEqualTo(4 * MIB);
  }

  @Test
  void anOldLibvirtGetsAnEvenSplitThatHoldsByItself() {
    assertThat(new BandwidthCap(9).evenlyForEver(2)).isEqualTo(3);
  }

  @Test
  void lessThanOneIsNoCap() {
    assertThatIllegalArgumentException().isThrownBy(() -> new BandwidthCap(0));
  }
}
