package dev.drover.node.hypervisor;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The ports that an incoming migration may listen on: {@code migration_port_min} and {@code
 * migration_port_max} of the hosts' qemu.conf, both of them included. libvirt's interfaces don't
 * tell them.
 */
public record PortRange(int first, int last) {
  /** libvirt's own. */
  public static final PortRange LIBVIRTS = new PortRange(49152, 49215);

  private static final Pattern TEXT = Pattern.compile("^([0-9]{1,5})-([0-9]{1,5})$");

  /** {@code 49152-49215}; empty if it is anything else, or not within 1024 to 65535. */
  public static Optional<PortRange> parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    var range =
        new PortRange(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
    return range.first() >= 1024 && range.last() <= 65535 && range.first() <= range.last()
        ? Optional.of(range)
        : Optional.empty();
  }

  public boolean contains(int port) {
    return port >= first && port <= last;
  }

  @Override
  public String toString() {
    return first + "-" + last;
  }
}
