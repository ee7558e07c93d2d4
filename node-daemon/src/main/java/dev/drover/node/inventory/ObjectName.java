package dev.drover.node.inventory;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Names under which a domain's VirtualMachine may be created. */
final class ObjectName {
  private static final int MAX = 253;
  private static final int SUFFIX = 9;
  private static final Pattern FOREIGN = Pattern.compile("[^a-z0-9-]+");
  private static final Pattern EDGES = Pattern.compile("^-+|-+$");
  private static final Pattern NAMESPACE = Pattern.compile("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$");

  private ObjectName() {}

  /**
   * In order of preference: the domain's name made a DNS-1123 subdomain, then the same with the
   * first eight digits of the UUID, for when another domain has the name already.
   */
  static List<String> candidates(String domainName, UUID uuid) {
    var name = sanitised(domainName);
    return name.isEmpty()
        ? List.of("vm-" + uuid)
        : List.of(name, name + "-" + uuid.toString().substring(0, SUFFIX - 1));
  }

  static boolean isNamespace(String text) {
    return NAMESPACE.matcher(text).matches();
  }

  private static String sanitised(String domainName) {
    var name =
        Arrays.stream(domainName.toLowerCase(Locale.ROOT).split("\\.", -1))
            .map(part -> FOREIGN.matcher(part).replaceAll("-"))
            .map(ObjectName::trimmed)
            .filter(part -> !part.isEmpty())
            .collect(Collectors.joining("."));
    return name.length() <= MAX - SUFFIX
        ? name
        : trimmed(name.substring(0, MAX - SUFFIX)).replaceAll("[.-]+$", "");
  }

  private static String trimmed(String text) {
    return EDGES.matcher(text).replaceAll("");
  }
}
