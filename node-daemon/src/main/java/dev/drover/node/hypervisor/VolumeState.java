package dev.drover.node.hypervisor;

/** A volume; sizes in bytes. */
public record VolumeState(
    String pool,
    String name,
    String path,
    String format,
    long capacityBytes,
    long allocationBytes) {}
