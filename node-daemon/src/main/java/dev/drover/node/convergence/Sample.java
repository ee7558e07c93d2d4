package dev.drover.node.convergence;

import java.time.Duration;

/**
 * One measurement of a running transfer.
 *
 * @param iteration of memory: 0 while only disks are copied, 1 in the first pass over all of it
 * @param allowedDowntime what libvirt was last told
 * @param throttlePercent how much of its CPU time auto-converge takes from the guest
 */
public record Sample(
    Duration elapsed,
    int iteration,
    long memoryTotalBytes,
    long memoryRemainingBytes,
    long memoryBytesPerSecond,
    long dirtyBytesPerSecond,
    Duration allowedDowntime,
    int throttlePercent) {}
