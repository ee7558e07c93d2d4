package dev.drover.node.hypervisor;

import org.jspecify.annotations.Nullable;

/**
 * A volume to be made: {@code format} is {@code qcow2} or {@code raw}; nothing is preallocated.
 *
 * @param base the image that it stands on; null: none
 */
public record VolumeSpec(
    String pool, String name, String format, long capacityBytes, @Nullable Base base) {

  /** An image of this host, at the path that its libvirt has for it. */
  public record Base(String path, String format) {}

  /** That stands on nothing. */
  public VolumeSpec(String pool, String name, String format, long capacityBytes) {
    this(pool, name, format, capacityBytes, null);
  }
}
