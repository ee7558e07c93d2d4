package dev.drover.operator;

import dev.drover.api.v1alpha1.Drover;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.operator.certificate.SigningRequestReconciler;
import dev.drover.operator.cluster.ApiServerWait;
import dev.drover.operator.cluster.CachedCluster;
import dev.drover.operator.cluster.Heartbeats;
import dev.drover.operator.cluster.Wakeups;
import dev.drover.operator.event.ApiEventRecorder;
import dev.drover.operator.http.HealthServer;
import dev.drover.operator.metrics.OperatorMetrics;
import dev.drover.operator.metrics.ReconcileMetrics;
import dev.drover.operator.migration.Announcements;
import dev.drover.operator.migration.LiveMigrationReconciler;
import dev.drover.operator.migration.MigrationListener;
import dev.drover.operator.node.HypervisorNodeReconciler;
import dev.drover.operator.status.PreconditionedRemoval;
import dev.drover.operator.status.ServerSideApplyWriter;
import dev.drover.operator.vm.VirtualMachineReconciler;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.certificates.v1.CertificateSigningRequest;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.api.config.ControllerConfigurationOverrider;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfiguration;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfigurationBuilder;
import io.javaoperatorsdk.operator.processing.retry.GenericRetry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The operator's process. Ends with 2 for a wrong configuration, 1 when it stops leading. */
public final class OperatorMain {
  /** Name of the Lease by which the leader is elected. */
  static final String LEASE = "drover-operator";

  private static final Logger LOGGER = LoggerFactory.getLogger(OperatorMain.class);
  private static final Duration SHUTDOWN = Duration.ofSeconds(5);
  private static final Duration REQUEST = Duration.ofSeconds(5);

  /**
   * The pause before a broken watch is tried again; the client doubles it five times. With its own
   * second, watches came back up to 32 s after the API server had.
   */
  private static final Duration FIRST_WATCH_AGAIN = Duration.ofMillis(150);

  /** A watch that leaves a ping without an answer for as long is made anew. */
  private static final Duration WATCH_PING = Duration.ofSeconds(5);

  private static final Duration LOOK_AGAIN = Duration.ofSeconds(60);

  private OperatorMain() {}

  public static void main(String[] args) {
    OperatorConfig config;
    try {
      config = OperatorConfig.from(System.getenv());
    } catch (OperatorConfig.InvalidConfigException e) {
      LOGGER.atError().log(e.getMessage());
      System.exit(2);
      return;
    }
    try {
      run(config, Clock.systemUTC());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      Runtime.getRuntime().halt(1);
    } catch (IOException | RuntimeException e) {
      // Whatever it is: a half-started operator must not linger; Kubernetes starts the next one.
      LOGGER.atError().setCause(e).log("The operator could not start");
      Runtime.getRuntime().halt(1);
    }
  }

  private static void run(OperatorConfig config, Clock clock)
      throws IOException, InterruptedException {
    KubernetesClient client = client();
    var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    var heartbeats = new Heartbeats(clock, config.heartbeatExpiry());
    var cluster = new CachedCluster(heartbeats);
    var wakeups = new Wakeups(cluster);
    heartbeats.onChange(wakeups::heartbeatChanged);
    var events =
        new ApiEventRecorder(
            event ->
                client
                    .events()
                    .v1()
                    .events()
                    .inNamespace(event.getMetadata().getNamespace())
                    .resource(event)
                    .create(),
            clock,
            config.podUid());
    var writer = new ServerSideApplyWriter(client);
    var removal = new PreconditionedRemoval(client);
    var metrics = new OperatorMetrics(registry, cluster, clock, version());
    var announcements = new Announcements(events);
    var stopping = new AtomicBoolean();

    Operator operator =
        new Operator(
            overrider ->
                overrider
                    .withKubernetesClient(client)
                    .withMetrics(new ReconcileMetrics(registry))
                    .withConcurrentReconciliationThreads(16)
                    .withConcurrentWorkflowExecutorThreads(4)
                    .withReconciliationTerminationTimeout(SHUTDOWN)
                    .withCloseClientOnStop(false)
                    .withLeaderElectionConfiguration(election(config, stopping)));
    operator.register(
        new LiveMigrationReconciler(
            cluster,
            writer,
            removal,
            MigrationListener.all(metrics, announcements),
            clock,
            config.heartbeatExpiry(),
            new LiveMigrationReconciler.Wiring(cluster, wakeups)),
        (ControllerConfigurationOverrider<LiveMigration> o) ->
            common(inNamespaces(o, config))
                .withOnUpdateFilter(LiveMigrationReconciler::isOfInterest));
    operator.register(
        new VirtualMachineReconciler(
            cluster, writer, removal, events, clock, config.heartbeatExpiry(), cluster, wakeups),
        (ControllerConfigurationOverrider<VirtualMachine> o) -> common(inNamespaces(o, config)));
    operator.register(
        new HypervisorNodeReconciler(
            cluster, writer, clock, config.heartbeatExpiry(), cluster, wakeups),
        (ControllerConfigurationOverrider<HypervisorNode> o) -> common(o));
    config
        .certificates()
        .ifPresent(
            certificates ->
                operator.register(
                    new SigningRequestReconciler(
                        client, writer, clock, certificates, config.namespace()),
                    (ControllerConfigurationOverrider<CertificateSigningRequest> o) ->
                        common(o)
                            .withGenericFilter(
                                request ->
                                    request
                                        .getSpec()
                                        .getSignerName()
                                        .equals(certificates.signerName()))));

    HealthServer server =
        HealthServer.start(
            new InetSocketAddress(config.httpAddress(), config.httpPort()),
            () -> true,
            () -> operator.getRuntimeInfo().isStarted(),
            registry::scrape);
    Runtime.getRuntime()
        .addShutdownHook(
            Thread.ofPlatform()
                .name("drover-shutdown")
                .unstarted(
                    () -> {
                      stopping.set(true);
                      operator.stop();
                      releaseLease(client, config);
                      events.close();
                      server.close();
                      client.close();
                    }));
    // After health, which has to answer while it waits.
    ApiServerWait.until(() -> client.raw("/readyz"));
    var leases = client.leases().inNamespace(config.namespace()).inform(heartbeats);
    operator.start();
    LOGGER
        .atInfo()
        .addKeyValue("namespace", config.namespace())
        .addKeyValue("port", server.port())
        .addKeyValue("leases", leases.getStore().list().size())
        .addKeyValue(
            "startupMilliseconds",
            ProcessHandle.current()
                .info()
                .startInstant()
                .map(s -> Duration.between(s, clock.instant()).toMillis())
                .orElse(-1L))
        .log("The operator has started");
  }

  /**
   * A client that gives up soon. With the library's own ten retries a leader whose API server has
   * frozen went on believing that it leads for 131 s; reconciles are retried anyway.
   */
  private static KubernetesClient client() {
    return new KubernetesClientBuilder()
        .withConfig(
            new ConfigBuilder(Config.autoConfigure(null))
                .withRequestTimeout((int) REQUEST.toMillis())
                .withRequestRetryBackoffLimit(1)
                .withWatchReconnectInterval((int) FIRST_WATCH_AGAIN.toMillis())
                .withWebsocketPingInterval(WATCH_PING.toMillis())
                .build())
        .build();
  }

  /** So that the next instance leads at once; called when nothing is reconciled here any more. */
  private static void releaseLease(KubernetesClient client, OperatorConfig config) {
    try {
      var lease = client.leases().inNamespace(config.namespace()).withName(LEASE);
      Lease held = lease.get();
      if (held != null && config.podUid().equals(held.getSpec().getHolderIdentity())) {
        Lease released = new LeaseBuilder(held).editSpec().withHolderIdentity("").endSpec().build();
        client
            .resource(released)
            .lockResourceVersion(held.getMetadata().getResourceVersion())
            .update();
      }
    } catch (KubernetesClientException e) {
      // The Lease expires by itself.
      LOGGER.atInfo().setCause(e).log("The Lease could not be released");
    }
  }

  private static LeaderElectionConfiguration election(
      OperatorConfig config, AtomicBoolean stopping) {
    Duration lease = config.leaseDuration();
    return LeaderElectionConfigurationBuilder.aLeaderElectionConfiguration(LEASE)
        .withLeaseNamespace(config.namespace())
        .withIdentity(config.podUid())
        .withLeaseDuration(lease)
        .withRenewDeadline(lease.multipliedBy(2).dividedBy(3))
        .withRetryPeriod(min(Duration.ofSeconds(2), lease.dividedBy(5)))
        // The SDK's own exit would run the shutdown hook, which waits for the very thread that
        // exits.
        .withExitOnStopLeading(false)
        .withLeaderCallbacks(
            new LeaderCallbacks(
                () -> LOGGER.atInfo().log("Leading"),
                () -> {
                  if (!stopping.get()) {
                    LOGGER.atError().log("No longer leading; halting, so that only one acts");
                    Runtime.getRuntime().halt(1);
                  }
                },
                leader -> LOGGER.atInfo().addKeyValue("leader", leader).log("Leader elected")))
        .build();
  }

  private static Duration min(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private static <P extends HasMetadata> ControllerConfigurationOverrider<P> common(
      ControllerConfigurationOverrider<P> overrider) {
    return overrider
        .withFieldManager(Drover.OPERATOR_FIELD_MANAGER)
        .withRetry(
            new GenericRetry()
                .setInitialInterval(Duration.ofMillis(200))
                .setIntervalMultiplier(1.5)
                .setMaxInterval(LOOK_AGAIN.toMillis())
                .withoutMaxAttempts())
        .withReconciliationMaxInterval(LOOK_AGAIN);
  }

  private static <P extends HasMetadata> ControllerConfigurationOverrider<P> inNamespaces(
      ControllerConfigurationOverrider<P> overrider, OperatorConfig config) {
    return config.watchNamespaces().isEmpty()
        ? overrider.watchingAllNamespaces()
        : overrider.settingNamespaces(config.watchNamespaces());
  }

  private static String version() {
    return Objects.requireNonNullElse(
        OperatorMain.class.getPackage().getImplementationVersion(), "development");
  }
}
