package dev.drover.node.hypervisor;

/** A volume to be made: {@code format} is {@code qcow2} or {@code raw}; nothing is preallocated. */
public record VolumeSpec(String pool, String name, String format, long capacityBytes) {}
