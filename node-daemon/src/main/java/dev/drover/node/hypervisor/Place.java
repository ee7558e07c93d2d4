package dev.drover.node.hypervisor;

/** A volume of a storage pool, by name. */
public record Place(String pool, String volume) {}
