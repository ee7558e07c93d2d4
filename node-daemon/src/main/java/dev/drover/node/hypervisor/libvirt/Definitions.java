package dev.drover.node.hypervisor.libvirt;

import java.util.Optional;

/**
 * What the target is to have instead of the source's definition, as XML; empty: the same.
 *
 * @param live of the running domain
 * @param persistent of the definition that stays there
 */
record Definitions(Optional<String> live, Optional<String> persistent) {
  /** Passwords are in there. */
  @Override
  public String toString() {
    return "Definitions[live=%s, persistent=%s]"
        .formatted(live.isPresent(), persistent.isPresent());
  }
}
