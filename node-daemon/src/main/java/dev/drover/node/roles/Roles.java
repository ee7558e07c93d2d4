package dev.drover.node.roles;

import dev.drover.api.v1alpha1.Drover;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorListener;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.report.ReportQueue;
import dev.drover.node.report.ServerSideApply;
import dev.drover.node.source.SourceRole;
import dev.drover.node.target.TargetRole;
import dev.drover.node.watchdog.WatchdogPolicy;
import dev.drover.node.way.Way;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.api.config.ResolvedControllerConfiguration;
import io.javaoperatorsdk.operator.api.config.informer.FieldSelectorBuilder;
import io.javaoperatorsdk.operator.api.config.informer.InformerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.Constants;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.processing.event.rate.LinearRateLimiter;
import io.javaoperatorsdk.operator.processing.event.rate.RateLimiter;
import io.javaoperatorsdk.operator.processing.retry.GenericRetry;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** This node's two roles, each on its own watch. Ends without touching what libvirt does. */
public final class Roles implements AutoCloseable {
  private static final Duration RETRY_FIRST = Duration.ofMillis(300);
  private static final long RETRY_LONGEST_MILLISECONDS = 5_000;
  private static final double RETRY_MULTIPLIER = 1.5;

  /** However many events were lost, each migration is looked at this often. */
  private static final Duration LOOK_AT_LEAST_EVERY = Duration.ofSeconds(60);

  private static final int REPORT_THREADS = 4;

  private static final Logger LOG = LoggerFactory.getLogger(Roles.class);
  private static final Duration RESTORE_RETRY = Duration.ofSeconds(1);

  /** Which field of a migration names the node that has this role. */
  private static final String SOURCE = "status.sourceNode";

  private static final String TARGET = "status.targetNode";

  private final KubernetesClient client;
  private final Hypervisor hypervisor;
  private final Operator sdk;
  private final ScheduledExecutorService reportExecutor;
  private final String nodeName;
  private final Way way;
  private final ImageDigests digests;
  private final SourceRole source;
  private final TargetRole target;

  public Roles(
      String nodeName,
      Transport transport,
      Way way,
      KubernetesClient client,
      Hypervisor hypervisor,
      MeterRegistry metrics,
      InstantSource clock,
      WatchdogPolicy watchdog) {
    this.nodeName = nodeName;
    this.way = way;
    this.client = client;
    this.hypervisor = hypervisor;
    this.reportExecutor =
        Executors.newScheduledThreadPool(
            REPORT_THREADS, Thread.ofPlatform().name("report-", 0).daemon(true).factory());
    var applier = new ServerSideApply(client);
    this.digests = new ImageDigests(hypervisor);
    var nodes = new HypervisorNodes(client, nodeName, transport);
    this.source =
        new SourceRole(
            nodeName,
            hypervisor,
            nodes,
            way,
            new ReportQueue(Drover.SOURCE_FIELD_MANAGER, applier, reportExecutor, clock),
            clock,
            metrics,
            digests,
            watchdog);
    this.target =
        new TargetRole(
            nodeName,
            hypervisor,
            nodes,
            way,
            new ReportQueue(Drover.TARGET_FIELD_MANAGER, applier, reportExecutor, clock),
            clock,
            digests,
            nodes,
            watchdog);
    hypervisor.subscribe(source);
    hypervisor.subscribe(
        new HypervisorListener() {
          @Override
          public void onConnection(boolean connected, Instant at) {
            // What ended while libvirt was away could not be removed.
            if (connected && !reportExecutor.isShutdown()) {
              reportExecutor.execute(Roles.this::removeWhatIsLeft);
            }
          }
        });
    metrics.gauge("drover.daemon.transfers", source, SourceRole::transfers);
    metrics.gauge("drover.daemon.reservations", target, TargetRole::reservations);
    this.sdk =
        new Operator(
            o ->
                o.withKubernetesClient(client)
                    .withCloseClientOnStop(false)
                    // The API server may be away when a daemon starts; it tries until it is back.
                    .withStopOnInformerErrorDuringStartup(false)
                    .withConcurrentReconciliationThreads(8)
                    .withReconciliationTerminationTimeout(Duration.ofSeconds(2))
                    .withUseSSAToPatchPrimaryResource(true));
    register(new RoleReconciler(source::handle, source::gone), "drover-source", SOURCE);
    register(new RoleReconciler(target::handle, target::gone), "drover-target", TARGET);
  }

  /** How many guests are on their way from here. */
  public int transfers() {
    return source.transfers();
  }

  /** Whether no guest is on its way from here or to here, or about to be. */
  public boolean isQuiet() {
    return source.transfers() == 0 && target.reservations() == 0;
  }

  /** Returns once both watches are in step with the API server. */
  public void start() {
    restoreReservations();
    sdk.start();
    // What ended before the watches began is told by nobody.
    restoreReservations();
    // Large pools take their time to be looked through.
    reportExecutor.execute(this::removeWhatIsLeft);
  }

  /** Until it has succeeded, the target's role promises nothing new. */
  private void restoreReservations() {
    try {
      target.restore(migrations(TARGET));
      target.releaseEnded(() -> underWay(TARGET));
    } catch (KubernetesClientException e) {
      LOG.atWarn()
          .addKeyValue("error", e.getMessage())
          .log(
              "The reservations of an earlier life could not be read yet; nothing new is promised");
      var unused =
          reportExecutor.schedule(
              this::restoreReservations, RESTORE_RETRY.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  private void removeWhatIsLeft() {
    if (!hypervisor.isConnected()) {
      return; // once it is, this is called again
    }
    try {
      source.removeLeftProbes(() -> underWay(SOURCE));
      target.removeLeftMarkers(() -> underWay(TARGET));
    } catch (KubernetesClientException | HypervisorException e) {
      LOG.atInfo()
          .addKeyValue("error", e.getMessage())
          .log("It can't be seen yet what ended migrations have left here; it is tried again");
      var unused =
          reportExecutor.schedule(
              this::removeWhatIsLeft, RESTORE_RETRY.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  private Set<String> underWay(String role) {
    return migrations(role).stream()
        .filter(migration -> migration.getStatus() != null)
        .filter(migration -> !migration.getStatus().phaseValue().isTerminal())
        .map(migration -> migration.getMetadata().getUid())
        .collect(Collectors.toSet());
  }

  private List<LiveMigration> migrations(String role) {
    return client
        .resources(LiveMigration.class)
        .inAnyNamespace()
        .withField(role, nodeName)
        .list()
        .getItems();
  }

  private void register(Reconciler<LiveMigration> reconciler, String name, String field) {
    RateLimiter<?> unlimited = LinearRateLimiter.deactivatedRateLimiter();
    sdk.register(
        reconciler,
        new ResolvedControllerConfiguration<>(
            name,
            false, // daemons and operator speak through status, which has no generation
            reconciler.getClass().getName(),
            new GenericRetry()
                .setInitialInterval(RETRY_FIRST)
                .setIntervalMultiplier(RETRY_MULTIPLIER)
                .setMaxInterval(RETRY_LONGEST_MILLISECONDS)
                .withoutMaxAttempts(),
            unlimited,
            LOOK_AT_LEAST_EVERY,
            Drover.FINALIZER,
            Map.of(),
            name,
            sdk.getConfigurationService(),
            selection(field),
            true, // without it the SDK hides an object that is being deleted from who has no
            // finalizer
            null));
  }

  private InformerConfiguration<LiveMigration> selection(String field) {
    return InformerConfiguration.builder(LiveMigration.class)
        .withNamespaces(Set.of(Constants.WATCH_ALL_NAMESPACES))
        .withFieldSelector(new FieldSelectorBuilder().withField(field, nodeName).build())
        .buildForController();
  }

  @Override
  public void close() {
    sdk.stop();
    way.doors().close();
    digests.close();
    reportExecutor.shutdownNow();
  }
}
