package dev.drover.testbed.guest;

import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * What a guest is to be like. Start from {@link #named} and change what matters.
 *
 * @param namespace the Kubernetes namespace in the domain's Drover metadata; empty: no such
 *     metadata
 * @param machine QEMU's machine type; {@code q35} is the newest that its first host has
 * @param persistent defined before it is started; otherwise it is gone when it stops
 * @param startsPaused it is started without running; {@link Guest#resume} lets it boot
 * @param dirtyMib memory that it writes to from its boot on, in turn; 0: none
 * @param dirtyMibPerSecond how fast
 * @param writeMibPerSecond what it writes to each of its disks from its boot on; 0: nothing
 * @param ties what its definition says of its host
 */
public record GuestSpec(
    String name,
    UUID uuid,
    int memoryMib,
    List<DiskSpec> disks,
    String namespace,
    String machine,
    boolean persistent,
    boolean startsPaused,
    int dirtyMib,
    int dirtyMibPerSecond,
    int writeMibPerSecond,
    HostTies ties) {

  public GuestSpec {
    disks = List.copyOf(disks);
  }

  /** 256 MiB of memory, no disks, no Drover metadata, persistent, idle. */
  public static GuestSpec named(String name) {
    return new GuestSpec(
        name, UUID.randomUUID(), 256, List.of(), "", "q35", true, false, 0, 0, 0, HostTies.NONE);
  }

  public GuestSpec withMemoryMib(int size) {
    return new GuestSpec(
        name,
        uuid,
        size,
        disks,
        namespace,
        machine,
        persistent,
        startsPaused,
        dirtyMib,
        dirtyMibPerSecond,
        writeMibPerSecond,
        ties);
  }

  /** Adds a disk. */
  public GuestSpec withDisk(DiskSpec disk) {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        Stream.concat(disks.stream(), Stream.of(disk)).toList(),
        namespace,
        machine,
        persistent,
        startsPaused,
        dirtyMib,
        dirtyMibPerSecond,
        writeMibPerSecond,
        ties);
  }

  public GuestSpec inNamespace(String kubernetesNamespace) {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        disks,
        kubernetesNamespace,
        machine,
        persistent,
        startsPaused,
        dirtyMib,
        dirtyMibPerSecond,
        writeMibPerSecond,
        ties);
  }

  /** {@code pc-q35-7.2} is known to both Debian releases of the testbed. */
  public GuestSpec withMachine(String type) {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        disks,
        namespace,
        type,
        persistent,
        startsPaused,
        dirtyMib,
        dirtyMibPerSecond,
        writeMibPerSecond,
        ties);
  }

  public GuestSpec asTransient() {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        disks,
        namespace,
        machine,
        false,
        startsPaused,
        dirtyMib,
        dirtyMibPerSecond,
        writeMibPerSecond,
        ties);
  }

  public GuestSpec startingPaused() {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        disks,
        namespace,
        machine,
        persistent,
        true,
        dirtyMib,
        dirtyMibPerSecond,
        writeMibPerSecond,
        ties);
  }

  /**
   * Has it write to {@code sizeMib} of memory from its boot on; the guest needs some 50 MiB for
   * itself.
   */
  public GuestSpec dirtying(int sizeMib, int mibPerSecond) {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        disks,
        namespace,
        machine,
        persistent,
        startsPaused,
        sizeMib,
        mibPerSecond,
        writeMibPerSecond,
        ties);
  }

  /** Has it write to each of its disks from its boot on. */
  public GuestSpec writing(int mibPerSecond) {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        disks,
        namespace,
        machine,
        persistent,
        startsPaused,
        dirtyMib,
        dirtyMibPerSecond,
        mibPerSecond,
        ties);
  }

  /** Ties its definition to its host. */
  public GuestSpec tiedBy(HostTies hostTies) {
    return new GuestSpec(
        name,
        uuid,
        memoryMib,
        disks,
        namespace,
        machine,
        persistent,
        startsPaused,
        dirtyMib,
        dirtyMibPerSecond,
        writeMibPerSecond,
        hostTies);
  }
}
