package dev.drover.node.way;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The ports that incoming transfers take: {@code migration_port_min} and {@code migration_port_max}
 * of qemu.conf. libvirt's interfaces don't tell them.
 */
public record PortRange(int first, int last) {
  /** libvirt's own choice. */
  public static final PortRange DEFAULT = new PortRange(49152, 49215);

  private static final Pattern TEXT = Pattern.compile("([0-9]{1,5})-([0-9]{1,5})");
  private static final int HIGHEST = 65535;

  public PortRange {
    if (first < 1 || last > HIGHEST || first > last) {
      throw new IllegalArgumentException("no range of ports: " + first + "-" + last);
    }
  }

  /** {@code 49152-49215}; empty if it is none. */
  public static Optional<PortRange> parse(String text) {
    var found = TEXT.matcher(text);
    if (!found.matches()) {
      return Optional.empty();
    }
    int first = Integer.parseInt(found.group(1));
    int last = Integer.parseInt(found.group(2));
    return first < 1 || last > HIGHEST || first > last
        ? Optional.empty()
        : Optional.of(new PortRange(first, last));
  }

  @Override
  public String toString() {
    return first + "-" + last;
  }
}
