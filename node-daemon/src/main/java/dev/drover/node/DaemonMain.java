package dev.drover.node;

import dev.drover.node.DaemonConfig.ConfigException;
import dev.drover.node.certificate.ApiSigningRequests;
import dev.drover.node.certificate.CertificateCare;
import dev.drover.node.health.HealthServer;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.libvirt.LibvirtConfig;
import dev.drover.node.hypervisor.libvirt.LibvirtHypervisor;
import dev.drover.node.inventory.Inventory;
import dev.drover.node.roles.Roles;
import dev.drover.node.way.CertificateState;
import dev.drover.node.way.Doors;
import dev.drover.node.way.HostCertificates;
import dev.drover.node.way.Way;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node daemon. Ends with 0 after SIGTERM, with 2 if its environment can't be used, and with 1
 * if a thread died of something that nobody expected: half a daemon is worse than a new one.
 */
public final class DaemonMain {
  private static final Logger LOG = LoggerFactory.getLogger(DaemonMain.class);

  private static final int UNUSABLE_ENVIRONMENT = 2;

  /** Where libvirt and QEMU look for certificates, unless they are told otherwise. */
  private static final Path PKI = Path.of("/etc/pki");

  /** Before the kubelet's patience (30 s) is over; and a restart should not look like an outage. */
  private static final Duration STOP_WITHIN = Duration.ofSeconds(10);

  private static final Duration CONNECT_WITHIN = Duration.ofSeconds(3);

  /**
   * The pause before a broken watch is tried again; the client doubles it five times. With its own
   * second, watches came back up to 32 s after the API server had.
   */
  private static final Duration FIRST_WATCH_AGAIN = Duration.ofMillis(150);

  /** A watch that leaves a ping without an answer for as long is made anew. */
  private static final Duration WATCH_PING = Duration.ofSeconds(5);

  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(8);

  /** Two tries fit into a heartbeat's duration even if the first gets no answer. */
  private static final Duration ANSWER_HEARTBEAT_WITHIN = Duration.ofSeconds(3);

  private DaemonMain() {}

  /** Everything comes from the environment; there are no arguments. */
  public static void main(String[] args) {
    try {
      var config = DaemonConfig.from(System.getenv());
      run(
          config,
          clock ->
              new LibvirtHypervisor(
                  LibvirtConfig.of(config.libvirtUri().toString())
                      .withMigrationPorts(config.migrationPorts()),
                  clock));
    } catch (ConfigException e) {
      for (var problem : e.problems()) {
        LOG.atError().addKeyValue(LogKeys.REASON, problem).log("The environment can't be used");
      }
      System.exit(UNUSABLE_ENVIRONMENT);
    }
  }

  /**
   * Starts a daemon on that hypervisor; it goes on when this returns, until the process is told.
   */
  static void run(DaemonConfig config, Function<InstantSource, Hypervisor> openHypervisor) {
    var stop = new Shutdown(STOP_WITHIN);
    stop.takeOver();
    var clock = Clock.systemUTC();
    var registry = registry();
    var client = stop.closing("client", client(ANSWER_WITHIN));
    var heartbeatClient = stop.closing("heartbeat client", client(ANSWER_HEARTBEAT_WITHIN));
    var steadyClock = new SteadyClock(clock, System::nanoTime);
    var hypervisor = stop.closing("hypervisor", openHypervisor.apply(steadyClock));
    var inventory =
        stop.closing(
            "inventory",
            new Inventory(config, client, heartbeatClient, hypervisor, registry, clock));

    inventory.start();
    var health =
        stop.closing(
            "health",
            HealthServer.start(
                new InetSocketAddress(config.httpAddress(), config.httpPort()),
                inventory::stuckThreads,
                inventory::notReady,
                registry::scrape));
    LOG.atInfo()
        .addKeyValue(LogKeys.ADDRESS, health.address())
        .addKeyValue(LogKeys.NAMESPACE, config.namespace())
        .log("The node daemon has started");

    var roles =
        stop.closing(
            "roles",
            new Roles(
                config.nodeName(),
                config.peerTransport(),
                way(config, clock),
                client,
                hypervisor,
                registry,
                steadyClock,
                config.watchdog()));
    steadyClock.followHostWhile(() -> roles.transfers() == 0);
    // After health, which has to answer while they wait for the API server.
    roles.start();
    stop.closing("certificates", care(config, client, hypervisor, inventory, roles, clock));
  }

  private static AutoCloseable care(
      DaemonConfig config,
      KubernetesClient client,
      Hypervisor hypervisor,
      Inventory inventory,
      Roles roles,
      InstantSource clock) {
    if (config.peerTransport() != Transport.tls) {
      inventory.certificates(CertificateState.plainText());
      return () -> {};
    }
    var address = config.migrationAddress();
    var found = new HostCertificates(PKI, address, clock);
    var settings = config.certificates();
    var care =
        settings.managed()
            ? CertificateCare.renewing(
                found,
                config.nodeName(),
                address,
                PKI,
                settings.authorities(),
                settings.lifetime(),
                new ApiSigningRequests(client, config.nodeName(), settings.signerName()),
                hypervisor,
                roles::isQuiet,
                clock,
                inventory::certificates)
            : CertificateCare.watching(found, inventory::certificates);
    care.start();
    return care;
  }

  private static Way way(DaemonConfig config, InstantSource clock) {
    var address = config.migrationAddress();
    return new Way(
        new Doors(address, config.migrationPorts()),
        config.peerTransport() == Transport.tls
            ? Optional.of(new HostCertificates(PKI, address, clock))
            : Optional.empty());
  }

  /**
   * HTTP/1.1: on it, a request that gets no answer takes its connection with it. An HTTP/2
   * connection to an API server that has vanished would be used again by every next request, until
   * TCP gives it up a quarter of an hour later. Nothing is repeated by the client itself: whoever
   * asks knows whether he still wants to.
   */
  private static KubernetesClient client(Duration answerWithin) {
    var config =
        new ConfigBuilder(Config.autoConfigure(null))
            .withHttp2Disable(true)
            .withConnectionTimeout(Math.toIntExact(CONNECT_WITHIN.toMillis()))
            .withRequestTimeout(Math.toIntExact(answerWithin.toMillis()))
            .withRequestRetryBackoffLimit(0)
            .withWatchReconnectInterval(Math.toIntExact(FIRST_WATCH_AGAIN.toMillis()))
            .withWebsocketPingInterval(WATCH_PING.toMillis())
            .withUserAgent("drover-node-daemon/" + version())
            .build();
    return new KubernetesClientBuilder().withConfig(config).build();
  }

  private static PrometheusMeterRegistry registry() {
    var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    Gauge.builder("drover.daemon.build.info", () -> 1)
        .description("Always 1; which build runs")
        .tag("version", version())
        .tag("java", Runtime.version().toString())
        .register(registry);
    return registry;
  }

  private static String version() {
    return Objects.requireNonNullElse(
        DaemonMain.class.getPackage().getImplementationVersion(), "unknown");
  }
}
