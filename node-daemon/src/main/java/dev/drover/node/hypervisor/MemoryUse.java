package dev.drover.node.hypervisor;

import java.util.OptionalLong;

/**
 * How a guest uses its memory.
 *
 * @param residentBytes what its emulator holds of it; 0 if libvirt does not say
 * @param dirtyBytesPerSecond what the last sampling found; empty while it runs, or if none was
 *     begun
 */
public record MemoryUse(long residentBytes, OptionalLong dirtyBytesPerSecond) {}
