package dev.drover.node.hypervisor;

import java.util.Map;
import java.util.OptionalLong;

/**
 * The huge pages that a host has left.
 *
 * @param defaultKibibytes the size that is meant where none is named; empty if the host has none
 * @param freeBytes by the size of a page in KiB; a size that the host does not know is not in here
 */
public record FreePages(OptionalLong defaultKibibytes, Map<Long, Long> freeBytes) {
  public FreePages {
    freeBytes = Map.copyOf(freeBytes);
  }
}
