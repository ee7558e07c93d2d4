package dev.drover.node.hypervisor;

/** A storage pool; sizes in bytes. {@code filesystem}: its volumes are files (dir, fs, netfs). */
public record PoolState(
    String name, boolean active, boolean filesystem, long capacityBytes, long availableBytes) {}
