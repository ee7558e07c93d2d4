package dev.drover.node.bandwidth;

/**
 * Shares one cap between the memory stream and the mirrors of the disks, which libvirt caps one by
 * one (testbed.md B.5: two disks under a cap of 8 make 16). The shares never add up to more than
 * the cap.
 *
 * <p>While disks are copied they have all of it, evenly; memory is not sent then. When memory is
 * sent, the mirrors only carry what the guest writes to its disks meanwhile: they get what they
 * were measured to need and some more, memory the rest.
 */
public record BandwidthCap(int totalMebibytesPerSecond) {
  private static final double HEADROOM = 1.25;
  private static final double LEAST_DISK_SHARE = 0.02;
  private static final double MOST_DISK_SHARE = 0.5;
  private static final long MEBIBYTE = 1 << 20;

  /**
   * What each stream may take.
   *
   * @param memoryMebibytesPerSecond whole MiB/s: libvirt knows no finer
   * @param copyingDiskBytesPerSecond of each mirror that has not caught up yet
   * @param inStepDiskBytesPerSecond of each mirror that only carries what the guest writes
   */
  public record Share(
      int memoryMebibytesPerSecond,
      long copyingDiskBytesPerSecond,
      long inStepDiskBytesPerSecond) {}

  public BandwidthCap {
    if (totalMebibytesPerSecond < 1) {
      throw new IllegalArgumentException("a cap is at least 1 MiB/s");
    }
  }

  /** While {@code copying} disks are copied and {@code inStep} have caught up. */
  public Share whileDisksAreCopied(int copying, int inStep) {
    long total = totalMebibytesPerSecond * MEBIBYTE;
    long eachInStep = inStep == 0 ? 0 : Math.max(1, (long) (total * LEAST_DISK_SHARE) / inStep);
    long forCopies = total - eachInStep * inStep;
    return new Share(
        memoryBeside(copying + inStep, 0), copying == 0 ? 0 : forCopies / copying, eachInStep);
  }

  /**
   * While memory is sent and {@code mirrors} disks are kept in step.
   *
   * @param measuredDiskBytesPerSecond what the mirrors together were seen to carry
   */
  public Share whileMemoryIsSent(int mirrors, long measuredDiskBytesPerSecond) {
    int memory = memoryBeside(mirrors, measuredDiskBytesPerSecond);
    long forDisks = (totalMebibytesPerSecond - memory) * MEBIBYTE;
    return new Share(memory, 0, mirrors == 0 ? 0 : Math.max(1, forDisks / mirrors));
  }

  /** For a libvirt whose mirrors can't be re-tuned: the same for each stream, for good. */
  public int evenlyForEver(int mirrors) {
    return Math.max(1, totalMebibytesPerSecond / (mirrors + 1));
  }

  private int memoryBeside(int mirrors, long measuredDiskBytesPerSecond) {
    if (mirrors == 0) {
      return totalMebibytesPerSecond;
    }
    double total = totalMebibytesPerSecond * (double) MEBIBYTE;
    double disks =
        Math.clamp(
            measuredDiskBytesPerSecond * HEADROOM,
            total * LEAST_DISK_SHARE,
            total * MOST_DISK_SHARE);
    return Math.max(1, (int) ((total - disks) / MEBIBYTE));
  }
}
