package dev.drover.node.hypervisor;

import java.util.OptionalLong;

/**
 * How a guest uses its memory.
 *
 * @param residentBytes what its emulator holds of it, zeroes not counted; if that can't be told,
 *     with what the emulator has for itself; 0 if nothing is known
 * @param dirtyBytesPerSecond what the last sampling found; empty while it runs, or if none was
 *     begun
 */
public record MemoryUse(long residentBytes, OptionalLong dirtyBytesPerSecond) {}
