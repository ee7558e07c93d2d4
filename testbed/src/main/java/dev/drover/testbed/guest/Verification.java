package dev.drover.testbed.guest;

import java.util.List;
import java.util.Map;

/**
 * What a guest found when it compared its memory and its disks with what it had written.
 *
 * @param memoryPages the pages that it dirties
 * @param memoryBad how many of them hold something else than what was last written
 * @param disks of the writable disks, in the order of their numbers
 */
public record Verification(long memoryPages, long memoryBad, List<DiskCheck> disks) {

  public Verification {
    disks = List.copyOf(disks);
  }

  /** Whether nothing was lost, torn or changed. */
  public boolean clean() {
    return memoryBad == 0 && disks.stream().allMatch(DiskCheck::clean);
  }

  static Verification parse(String answer) {
    int disks = answer.indexOf("disk=");
    Map<String, String> memory =
        GuestObserver.fields(disks < 0 ? answer : answer.substring(0, disks));
    return new Verification(
        Long.parseLong(memory.getOrDefault("pages", "0")),
        Long.parseLong(memory.getOrDefault("bad", "0")),
        DiskCheck.parse(answer));
  }
}
