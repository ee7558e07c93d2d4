package dev.drover.testbed.observer;

import java.time.Duration;
import java.time.Instant;
import java.util.Set;

/**
 * What was seen between two looks at all QEMU processes.
 *
 * @param ran the copies whose virtual processors ran at some time in between
 */
public record Look(Instant from, Instant to, Set<Copy> ran) {

  public Look {
    ran = Set.copyOf(ran);
  }

  Duration length() {
    return Duration.between(from, to);
  }

  long copiesOf(String guest) {
    return ran.stream().filter(copy -> copy.guest().equals(guest)).count();
  }
}
