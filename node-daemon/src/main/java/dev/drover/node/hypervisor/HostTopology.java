package dev.drover.node.hypervisor;

/** The CPUs and NUMA nodes that a host has. */
public record HostTopology(IdSet cpus, IdSet numaNodes) {}
