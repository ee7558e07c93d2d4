package dev.drover.node.hypervisor;

import java.util.UUID;

/**
 * A domain's definition in the hypervisor's own words, on its way to another host. Nobody but an
 * adapter reads it.
 *
 * @param text holds passwords, and goes into no log
 */
public record GuestDefinition(UUID uuid, String text) {
  @Override
  public String toString() {
    return "GuestDefinition[" + uuid + "]";
  }
}
