package dev.drover.node.hypervisor;

import java.util.OptionalLong;

/**
 * Huge pages of one size that a guest's memory is made of.
 *
 * @param pageKibibytes empty: whatever size is its host's default
 * @param bytes of the guest's memory
 */
public record HugePages(OptionalLong pageKibibytes, long bytes) {}
