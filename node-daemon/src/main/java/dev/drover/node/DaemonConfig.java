package dev.drover.node;

import dev.drover.api.v1alpha1.Drover;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.watchdog.WatchdogPolicy;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What the daemon is told by its environment; read once, at the start.
 *
 * @param nodeName of the Kubernetes node, and so of the HypervisorNode, that this host is
 * @param podUid holder of the heartbeat Lease; the node's name stands in for it outside of a pod
 * @param namespace where the heartbeat Lease is
 * @param guestNamespace where VirtualMachines go whose domain names no namespace of its own
 * @param migrationAddress at which other hosts reach this one's libvirt and QEMU
 * @param migrationPorts by which a guest comes in: what qemu.conf has
 * @param heartbeatDuration after which a Lease that was not renewed has expired
 * @param resyncInterval at which all domains and pools are looked at, events or not
 * @param mayBreakConnections of a transfer that keeps its guest still
 * @param mayRestartLibvirt if nothing else ends a call that does not return
 * @param certificates who sees to them; of no meaning without TLS
 */
public record DaemonConfig(
    String nodeName,
    Optional<String> podUid,
    String namespace,
    String guestNamespace,
    InetAddress migrationAddress,
    URI libvirtUri,
    Transport peerTransport,
    PortRange migrationPorts,
    InetAddress httpAddress,
    int httpPort,
    Duration heartbeatInterval,
    Duration heartbeatDuration,
    Duration resyncInterval,
    boolean mayBreakConnections,
    boolean mayRestartLibvirt,
    CertificateConfig certificates) {

  static final String PREFIX = "DROVER_";

  /**
   * Who sees to the host's certificates.
   *
   * @param managed whether this daemon does; if not, the host's admin
   * @param signerName of the CertificateSigningRequests
   * @param authorities file of the CAs that all hosts trust
   * @param lifetime that is asked for
   */
  public record CertificateConfig(
      boolean managed, String signerName, Path authorities, Duration lifetime) {}

  /**
   * A field manager ends with the node's name, and has at most 128 characters ({@code
   * drover-inventory-} is 17 of them).
   */
  static final int MAX_NODE_NAME = 111;

  private static final String LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
  private static final Pattern DNS_LABEL = Pattern.compile("^" + LABEL + "$");
  private static final Pattern DNS_SUBDOMAIN =
      Pattern.compile("^" + LABEL + "(\\." + LABEL + ")*$");
  private static final Pattern SIGNER =
      Pattern.compile("^" + LABEL + "(\\." + LABEL + ")*/[-a-zA-Z0-9.]{1,253}$");
  private static final Pattern INTEGER = Pattern.compile("^[0-9]{1,9}$");

  /**
   * What Kubernetes puts into every pod's environment for a Service whose name begins with {@code
   * drover-}: nobody's typing error.
   */
  private static final Pattern SERVICE_LINK =
      Pattern.compile(
          "^DROVER_.*_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_.+)?)$");

  public WatchdogPolicy watchdog() {
    return new WatchdogPolicy(mayBreakConnections, mayRestartLibvirt);
  }

  public String heartbeatHolder() {
    return podUid.orElse(nodeName);
  }

  /**
   * Reads {@code environment}. Throws {@link ConfigException} with everything that is wrong with
   * it, keys with the prefix that nobody knows among it.
   */
  public static DaemonConfig from(Map<String, String> environment) {
    var reader = new Reader(environment);
    var nodeName =
        reader.required(
            "NODE_NAME",
            "a DNS-1123 name of at most " + MAX_NODE_NAME + " characters",
            text -> dnsName(text, DNS_SUBDOMAIN, MAX_NODE_NAME));
    var podUid = reader.optional("POD_UID", "at most 64 characters", DaemonConfig::holder);
    var namespace =
        reader.withDefault(
            "NAMESPACE", "drover-system", "a namespace", t -> dnsName(t, DNS_LABEL, 63));
    var guestNamespace =
        reader.withDefault(
            "GUEST_NAMESPACE", "default", "a namespace", t -> dnsName(t, DNS_LABEL, 63));
    var migrationAddress =
        reader.required(
            "MIGRATION_ADDRESS",
            "the literal of an IP address at which other hosts reach this one",
            DaemonConfig::reachableAddress);
    var libvirtUri =
        reader.withDefault("LIBVIRT_URI", "qemu:///system", "a libvirt URI", DaemonConfig::uri);
    var transport =
        reader.withDefault("PEER_TRANSPORT", "tls", "tcp or tls", DaemonConfig::transport);
    var ports =
        reader.withDefault(
            "MIGRATION_PORTS",
            PortRange.LIBVIRTS.toString(),
            "two ports as 49152-49215, migration_port_min and migration_port_max of qemu.conf, from 1024 to 65535",
            PortRange::parse);
    var httpAddress =
        reader.withDefault(
            "HTTP_ADDRESS", "0.0.0.0", "the literal of an IP address", DaemonConfig::address);
    var httpPort =
        reader.withDefault(
            "HTTP_PORT", "9810", "an integer from 0 to 65535", t -> integer(t, 0, 65535));
    var interval = reader.seconds("HEARTBEAT_INTERVAL_SECONDS", "5");
    var duration = reader.seconds("HEARTBEAT_DURATION_SECONDS", "15");
    var resync = reader.seconds("RESYNC_INTERVAL_SECONDS", "30");
    var breaks = reader.withDefault("BREAK_CONNECTIONS", "Allowed", PERMISSION, Permission::of);
    var restarts = reader.withDefault("RESTART_LIBVIRT", "Never", PERMISSION, Permission::of);
    var source =
        reader.withDefault(
            "CERTIFICATES",
            "Host",
            "Host or Managed",
            t -> Optional.of(t).filter(List.of("Host", "Managed")::contains));
    var signer =
        reader.withDefault(
            "CERTIFICATE_SIGNER",
            Drover.SIGNER,
            "the name of a signer, as " + Drover.SIGNER,
            t -> Optional.of(t).filter(name -> SIGNER.matcher(name).matches()));
    var authorities =
        reader.withDefault(
            "CERTIFICATE_AUTHORITIES",
            "/etc/drover/ca/ca.crt",
            "the absolute path of a file",
            t -> Optional.of(t).filter(path -> path.startsWith("/")).map(Path::of));
    var lifetime =
        reader.withDefault(
            "CERTIFICATE_LIFETIME_SECONDS",
            "2592000",
            "an integer from 3600 to 31536000 (seconds)",
            t -> integer(t, 3_600, 31_536_000));
    // logback.xml reads it by itself; here it is only checked.
    var unused =
        reader.withDefault(
            "TRACE_LEVEL",
            "INFO",
            "INFO or DEBUG",
            t -> Optional.of(t).filter(List.of("INFO", "DEBUG")::contains));
    if (interval.isPresent()
        && duration.isPresent()
        && duration.get().compareTo(interval.get().multipliedBy(2)) < 0) {
      reader.problem(
          "DROVER_HEARTBEAT_DURATION_SECONDS must be at least twice"
              + " DROVER_HEARTBEAT_INTERVAL_SECONDS, so that one lost renewal does no harm");
    }
    reader.finish();
    // INVARIANT: finish() has thrown if any of these is empty.
    return new DaemonConfig(
        nodeName.orElseThrow(),
        podUid,
        namespace.orElseThrow(),
        guestNamespace.orElseThrow(),
        migrationAddress.orElseThrow(),
        libvirtUri.orElseThrow(),
        transport.orElseThrow(),
        ports.orElseThrow(),
        httpAddress.orElseThrow(),
        httpPort.orElseThrow(),
        interval.orElseThrow(),
        duration.orElseThrow(),
        resync.orElseThrow(),
        breaks.orElseThrow() == Permission.Allowed,
        restarts.orElseThrow() == Permission.Allowed,
        new CertificateConfig(
            source.orElseThrow().equals("Managed"),
            signer.orElseThrow(),
            authorities.orElseThrow(),
            Duration.ofSeconds(lifetime.orElseThrow())));
  }

  private static final String PERMISSION = "Allowed or Never";

  private enum Permission {
    Allowed,
    Never;

    static Optional<Permission> of(String text) {
      return Arrays.stream(values()).filter(p -> p.name().equals(text)).findFirst();
    }
  }

  private static Optional<String> dnsName(String text, Pattern pattern, int max) {
    return text.length() <= max && pattern.matcher(text).matches()
        ? Optional.of(text)
        : Optional.empty();
  }

  private static Optional<String> holder(String text) {
    return text.length() <= 64 ? Optional.of(text) : Optional.empty();
  }

  /** Literals only: a name would ask DNS, and mean another host tomorrow. */
  private static Optional<InetAddress> address(String text) {
    try {
      return Optional.of(InetAddress.ofLiteral(text));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static Optional<InetAddress> reachableAddress(String text) {
    return address(text).filter(a -> !a.isAnyLocalAddress() && !a.isMulticastAddress());
  }

  private static Optional<URI> uri(String text) {
    try {
      return Optional.of(new URI(text)).filter(URI::isAbsolute);
    } catch (URISyntaxException e) {
      return Optional.empty();
    }
  }

  private static Optional<Transport> transport(String text) {
    return Arrays.stream(Transport.values()).filter(t -> t.name().equals(text)).findFirst();
  }

  private static Optional<Integer> integer(String text, int min, int max) {
    return Optional.of(text)
        .filter(t -> INTEGER.matcher(t).matches())
        .map(Integer::valueOf)
        .filter(n -> n >= min && n <= max);
  }

  /** Collects what is wrong while it reads. */
  private static final class Reader {
    private final Map<String, String> environment;
    private final Set<String> known = new HashSet<>();
    private final List<String> problems = new ArrayList<>();

    Reader(Map<String, String> environment) {
      this.environment = environment;
    }

    <T> Optional<T> optional(String key, String expected, Function<String, Optional<T>> parse) {
      var name = PREFIX + key;
      known.add(name);
      var text = environment.getOrDefault(name, "").strip();
      if (text.isEmpty()) {
        return Optional.empty();
      }
      var value = parse.apply(text);
      if (value.isEmpty()) {
        problem("%s is \"%s\", but must be %s".formatted(name, text, expected));
      }
      return value;
    }

    <T> Optional<T> required(String key, String expected, Function<String, Optional<T>> parse) {
      if (environment.getOrDefault(PREFIX + key, "").isBlank()) {
        problem("%s is not set; it must be %s".formatted(PREFIX + key, expected));
      }
      return optional(key, expected, parse);
    }

    <T> Optional<T> withDefault(
        String key, String byDefault, String expected, Function<String, Optional<T>> parse) {
      if (environment.getOrDefault(PREFIX + key, "").isBlank()) {
        known.add(PREFIX + key);
        return parse.apply(byDefault);
      }
      return optional(key, expected, parse);
    }

    Optional<Duration> seconds(String key, String byDefault) {
      return this.<Integer>withDefault(
              key, byDefault, "an integer from 1 to 3600 (seconds)", t -> integer(t, 1, 3600))
          .map(seconds -> Duration.ofSeconds(seconds));
    }

    void problem(String sentence) {
      problems.add(sentence);
    }

    void finish() {
      var unknown =
          environment.keySet().stream()
              .filter(key -> key.startsWith(PREFIX))
              .filter(key -> !known.contains(key))
              .filter(key -> !isServiceLink(key))
              .collect(Collectors.toCollection(TreeSet::new));
      unknown.forEach(key -> problem("%s is not a setting of the node daemon".formatted(key)));
      if (!problems.isEmpty()) {
        throw new ConfigException(problems);
      }
    }

    private boolean isServiceLink(String key) {
      return SERVICE_LINK.matcher(key).matches()
          || (key.endsWith("_PORT") && environment.getOrDefault(key, "").contains("://"));
    }
  }

  /** The environment can't be used. */
  public static final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final List<String> problems;

    ConfigException(List<String> problems) {
      super(String.join("; ", problems));
      this.problems = List.copyOf(problems);
    }

    /** A sentence for each thing that is wrong. */
    public List<String> problems() {
      return problems;
    }
  }
}
