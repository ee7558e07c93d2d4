package dev.drover.operator;

import dev.drover.operator.certificate.CertificateConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The operator's configuration, from the environment. All problems are reported at once; a {@code
 * DROVER_} variable that nobody knows is one of them, because it is a typo.
 *
 * @param namespace where the operator and the daemons run, and their Leases are
 * @param podUid who this instance is in the election of a leader: unlike a host name it is never
 *     used twice
 * @param httpAddress where health and metrics are served
 * @param watchNamespaces where virtual machines and migrations are looked after; empty: everywhere
 * @param heartbeatExpiry without a renewal for so long, a daemon counts as away
 * @param certificates of the hosts; empty if Drover has nothing to do with them
 * @param leaseDuration how long after a dead leader's last renewal another one takes over
 */
public record OperatorConfig(
    String namespace,
    String podUid,
    String httpAddress,
    int httpPort,
    Set<String> watchNamespaces,
    Duration heartbeatExpiry,
    Duration leaseDuration,
    Optional<CertificateConfig> certificates) {
  static final String NAMESPACE = "DROVER_NAMESPACE";
  static final String POD_UID = "DROVER_POD_UID";
  static final String HTTP_ADDRESS = "DROVER_HTTP_ADDRESS";
  static final String HTTP_PORT = "DROVER_HTTP_PORT";
  static final String WATCH_NAMESPACES = "DROVER_WATCH_NAMESPACES";
  static final String HEARTBEAT_EXPIRY = "DROVER_HEARTBEAT_EXPIRY_SECONDS";
  static final String LEASE_DURATION = "DROVER_LEASE_DURATION_SECONDS";
  static final String CERTIFICATE_SIGNER = "DROVER_CERTIFICATE_SIGNER";
  static final String CA_DIRECTORY = "DROVER_CA_DIRECTORY";
  static final String CERTIFICATE_LIFETIME = "DROVER_CERTIFICATE_LIFETIME_SECONDS";
  static final Set<String> KNOWN =
      Set.of(
          NAMESPACE,
          POD_UID,
          HTTP_ADDRESS,
          HTTP_PORT,
          WATCH_NAMESPACES,
          HEARTBEAT_EXPIRY,
          LEASE_DURATION,
          CERTIFICATE_SIGNER,
          CA_DIRECTORY,
          CERTIFICATE_LIFETIME);

  private static final Predicate<String> NAMESPACE_NAME =
      Pattern.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?").asMatchPredicate();

  /** The configuration can't be used; the message has one line for each problem. */
  public static final class InvalidConfigException extends RuntimeException {
    private static final long serialVersionUID = 1;

    InvalidConfigException(List<String> problems) {
      super("The configuration can't be used:\n  " + String.join("\n  ", problems));
    }
  }

  public static OperatorConfig from(Map<String, String> environment) {
    List<String> problems = new ArrayList<>();
    new TreeSet<>(environment.keySet())
        .stream()
            .filter(k -> k.startsWith("DROVER_"))
            .filter(k -> !KNOWN.contains(k) && !isServiceLink(k, environment))
            .forEach(k -> problems.add(k + " is not known."));
    String namespace = required(environment, NAMESPACE, problems);
    if (!namespace.isEmpty() && !NAMESPACE_NAME.test(namespace)) {
      problems.add(NAMESPACE + " is not the name of a namespace: \"" + namespace + "\".");
    }
    String podUid = required(environment, POD_UID, problems);
    String address = value(environment, HTTP_ADDRESS).orElse("0.0.0.0");
    int port = number(environment, HTTP_PORT, 9800, 0, 65535, problems);
    Set<String> watched =
        value(environment, WATCH_NAMESPACES).stream()
            .flatMap(v -> Arrays.stream(v.split(",")))
            .map(String::strip)
            .filter(v -> !v.isEmpty())
            .collect(Collectors.toUnmodifiableSet());
    watched.stream()
        .filter(NAMESPACE_NAME.negate())
        .sorted()
        .forEach(
            n ->
                problems.add(
                    WATCH_NAMESPACES + " holds what is no name of a namespace: \"" + n + "\"."));
    int expiry = number(environment, HEARTBEAT_EXPIRY, 15, 2, 3600, problems);
    int lease = number(environment, LEASE_DURATION, 15, 3, 600, problems);
    int lifetime = number(environment, CERTIFICATE_LIFETIME, 2_592_000, 60, 31_536_000, problems);
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return new OperatorConfig(
        namespace,
        podUid,
        address,
        port,
        watched,
        Duration.ofSeconds(expiry),
        Duration.ofSeconds(lease),
        value(environment, CERTIFICATE_SIGNER)
            .map(
                signer ->
                    new CertificateConfig(
                        signer,
                        value(environment, CA_DIRECTORY).map(Path::of),
                        Duration.ofSeconds(lifetime))));
  }

  /** Kubernetes puts a handful of variables for every Service into every container. */
  private static boolean isServiceLink(String key, Map<String, String> environment) {
    return environment.keySet().stream()
        .filter(k -> k.endsWith("_SERVICE_HOST"))
        .map(k -> k.substring(0, k.length() - "_SERVICE_HOST".length()))
        .anyMatch(
            service ->
                key.startsWith(service + "_SERVICE_")
                    || key.equals(service + "_PORT")
                    || key.startsWith(service + "_PORT_"));
  }

  private static String required(
      Map<String, String> environment, String key, List<String> problems) {
    Optional<String> value = value(environment, key);
    if (value.isEmpty()) {
      problems.add(key + " is missing.");
    }
    return value.orElse("");
  }

  private static int number(
      Map<String, String> environment,
      String key,
      int otherwise,
      int min,
      int max,
      List<String> problems) {
    Optional<String> value = value(environment, key);
    if (value.isEmpty()) {
      return otherwise;
    }
    try {
      int number = Integer.parseInt(value.get());
      if (number >= min && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Reported below, like a number out of range.
    }
    problems.add(
        key + " must be a number from " + min + " to " + max + ", not \"" + value.get() + "\".");
    return otherwise;
  }

  private static Optional<String> value(Map<String, String> environment, String key) {
    return Optional.ofNullable(environment.get(key)).map(String::strip).filter(v -> !v.isEmpty());
  }
}
