package dev.drover.node.hypervisor;

import java.util.UUID;

/** What a host is. Memory in bytes; versions as {@code major.minor.micro}. */
public record HostFacts(
    UUID hostUuid,
    String hostname,
    String libvirtVersion,
    String qemuVersion,
    String architecture,
    String cpuModel,
    int cpus,
    long memoryBytes) {}
