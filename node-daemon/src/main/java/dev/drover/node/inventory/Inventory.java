package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.Drover;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.node.DaemonConfig;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.way.CertificateState;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The role that every daemon has: heartbeat, HypervisorNode, sightings. Five threads: one that
 * looks at libvirt and may wait for it, four that talk to the API server and may wait for that, so
 * that neither keeps the other from being told of.
 */
public final class Inventory implements AutoCloseable {
  /**
   * No round of a thread that talks to the API server takes that long: its calls have deadlines,
   * and it says between two of them that it lives.
   */
  static final Duration LONGEST_SILENCE = Duration.ofSeconds(60);

  private final Hypervisor hypervisor;
  private final ApiServer api;
  private final SightingBook book;
  private final Observer observer;
  private final Loop observing;
  private final Loop sightings;
  private final Loop node;
  private final Loop heartbeat;
  private final Loop clocks;
  private final NodePlan nodePlan;
  private volatile double certificateExpirySeconds = Double.NaN;

  /**
   * {@code heartbeatClient} has connections of its own and short deadlines, so that heartbeats
   * don't queue behind anything else.
   */
  public Inventory(
      DaemonConfig config,
      KubernetesClient client,
      KubernetesClient heartbeatClient,
      Hypervisor hypervisor,
      MeterRegistry registry,
      InstantSource clock) {
    this.hypervisor = hypervisor;
    var nodeName = config.nodeName();
    var fieldManager = Drover.INVENTORY_FIELD_MANAGER_PREFIX + nodeName;
    api = new ApiServer(registry, this::writeAgain);

    book = new SightingBook(nodeName);
    var sightingWriter =
        new SightingWriter(
            book,
            new ApiVirtualMachines(client, api, nodeName, fieldManager),
            config.guestNamespace(),
            clock);
    sightings = Loop.of("inventory-sightings", loop -> sightingWriter.round(loop::goesOn));

    nodePlan = new NodePlan(config.migrationAddress().getHostAddress());
    observer =
        new Observer(
            hypervisor,
            book,
            nodePlan,
            new Observer.Changes() {
              @Override
              public void sightings() {
                sightings.wake();
              }

              @Override
              public void node() {
                node.wake();
              }
            },
            config.resyncInterval(),
            clock,
            this::look);
    observing = Loop.of("inventory-observer", _ -> observer.round());

    var nodeWriter =
        new NodeWriter(
            nodePlan,
            new ApiNodeObject(client, api, nodeName, fieldManager),
            observer::connected,
            this::lookForAllAgain,
            clock);
    node = Loop.of("inventory-node", loop -> nodeWriter.round(loop::goesOn));

    var beat =
        new Heartbeat(
            new ApiHeartbeatLease(
                heartbeatClient,
                api,
                config.namespace(),
                nodeName,
                config.heartbeatHolder(),
                config.heartbeatDuration(),
                fieldManager,
                clock.instant()),
            config.heartbeatInterval(),
            clock,
            registry);
    heartbeat = Loop.of("heartbeat", _ -> beat.round());

    var watch =
        new ClockWatch(
            heartbeatClient,
            clock,
            milliseconds -> {
              nodePlan.clockOffset(milliseconds);
              node.wake();
            });
    clocks = Loop.of("inventory-clock", _ -> watch.round());

    Gauge.builder("drover.daemon.libvirt.connected", hypervisor, h -> h.isConnected() ? 1 : 0)
        .description("1 while the daemon talks to its libvirt")
        .register(registry);
    Gauge.builder(
            "drover.daemon.certificate.expiry.timestamp", this, i -> i.certificateExpirySeconds)
        .description("Until when the host's certificates are valid, in seconds of Unix time")
        .baseUnit("seconds")
        .register(registry);
    for (var state : State.values()) {
      Gauge.builder("drover.daemon.sightings", book, b -> b.count(state))
          .description("Domains of this host by state")
          .tag("state", state.name())
          .register(registry);
    }
  }

  /** Starts the threads. The hypervisor may be away still. */
  public void start() {
    hypervisor.subscribe(observer);
    Stream.of(heartbeat, observing, node, sightings, clocks).forEach(Loop::start);
  }

  /** How it stands with the host's certificates. */
  public void certificates(CertificateState state) {
    certificateExpirySeconds =
        state.notAfter().map(until -> (double) until.getEpochSecond()).orElse(Double.NaN);
    nodePlan.certificates(state);
    node.wake();
  }

  private void look() {
    observing.wake();
  }

  /** Whoever deletes a host's object gives it up, and with it what only this host sees. */
  private void lookForAllAgain() {
    book.lookAgain();
    sightings.wake();
  }

  private void writeAgain() {
    sightings.wake();
    node.wake();
  }

  /**
   * What is wrong with this process, and would be cured by a new one: a thread that nothing was
   * heard of. The one that waits for libvirt is not asked.
   */
  public List<String> stuckThreads() {
    return Stream.of(heartbeat, node, sightings)
        .filter(loop -> loop.silence().compareTo(LONGEST_SILENCE) > 0)
        .map(
            loop ->
                "nothing was heard of the thread %s for %d s"
                    .formatted(loop.name(), loop.silence().toSeconds()))
        .toList();
  }

  /** What this daemon still waits for before it can be said to work. */
  public List<String> notReady() {
    return Stream.of(
            api.wasReached()
                ? Optional.<String>empty()
                : Optional.of("the API server was not reached yet"),
            observer.connected().isPresent()
                ? Optional.<String>empty()
                : Optional.of("libvirt was not tried yet"))
        .flatMap(Optional::stream)
        .toList();
  }

  /** Stops the threads; the Lease stays, and expires if nobody else renews it. */
  @Override
  public void close() {
    Stream.of(sightings, node, observing, heartbeat, clocks).parallel().forEach(Loop::close);
  }
}
