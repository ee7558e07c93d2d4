package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorListener;
import dev.drover.node.hypervisor.JobStatistics;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * libvirt's events, told to listeners in the order in which they came. The callbacks run on
 * libvirt's event loop: they copy, take the time, and return; the listeners run on one other
 * thread.
 */
final class DomainEvents implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(DomainEvents.class);

  /** Far more than come while a listener is busy; full means that one hangs. */
  private static final int QUEUE_SIZE = 16_384;

  /**
   * What libvirt may still call while a registration is being undone. Native code does not keep a
   * Java object alive, so these are never given up; it is a handful of objects per daemon.
   */
  private static final ConcurrentLinkedQueue<Callback> KEPT = new ConcurrentLinkedQueue<>();

  private final InstantSource clock;
  private final Consumer<UUID> definitionChanged;
  private final List<HypervisorListener> listeners = new CopyOnWriteArrayList<>();
  private final BlockingQueue<Consumer<HypervisorListener>> queue =
      new ArrayBlockingQueue<>(QUEUE_SIZE);
  private final Thread dispatcher;

  private final LibvirtNative.LifecycleCallback lifecycle = this::onLifecycle;
  private final LibvirtNative.IterationCallback iteration = this::onIteration;
  private final LibvirtNative.JobCompletedCallback jobCompleted = this::onJobCompleted;
  private final LibvirtNative.BlockJobCallback blockJob = this::onBlockJob;
  private final LibvirtNative.MetadataCallback metadata = this::onMetadata;

  /**
   * Starts the listeners' thread.
   *
   * @param definitionChanged told first, on the event loop: what is known of that domain's
   *     definition is out of date
   */
  DomainEvents(InstantSource clock, Consumer<UUID> definitionChanged) {
    this.clock = clock;
    this.definitionChanged = definitionChanged;
    KEPT.addAll(List.of(lifecycle, iteration, jobCompleted, blockJob, metadata));
    dispatcher = Thread.ofPlatform().daemon().name("libvirt-listeners").start(this::dispatch);
  }

  /** What {@link #register} has registered on one connection. */
  static final class Registration {
    private final Link link;
    private final List<Integer> ids = new ArrayList<>();

    private Registration(Link link) {
      this.link = link;
    }

    /** Undoes it, so that the connection can be closed; on a broken connection, too. */
    void undo() {
      for (int id : ids) {
        // On a broken connection the far side can't be told and this fails; the near side is done.
        LibvirtNative.instance().virConnectDomainEventDeregisterAny(link.pointer(), id);
      }
      ids.clear();
    }
  }

  void subscribe(HypervisorListener listener) {
    listeners.add(listener);
  }

  /** Asks for all events of that connection. */
  Registration register(Link link) throws HypervisorException {
    Registration registration = new Registration(link);
    try {
      register(registration, LibvirtNative.EVENT_LIFECYCLE, lifecycle);
      register(registration, LibvirtNative.EVENT_MIGRATION_ITERATION, iteration);
      register(registration, LibvirtNative.EVENT_JOB_COMPLETED, jobCompleted);
      register(registration, LibvirtNative.EVENT_BLOCK_JOB_2, blockJob);
      register(registration, LibvirtNative.EVENT_METADATA_CHANGE, metadata);
      return registration;
    } catch (HypervisorException e) {
      registration.undo();
      throw e;
    }
  }

  /** The connection came or went. */
  void connection(boolean connected) {
    Instant at = clock.instant();
    tell(listener -> listener.onConnection(connected, at));
  }

  /** Ends the listeners' thread. */
  @Override
  public void close() {
    dispatcher.interrupt();
  }

  private static void register(Registration registration, int event, Callback callback)
      throws HypervisorException {
    Link link = registration.link;
    registration.ids.add(
        link.check(
            LibvirtNative.instance()
                .virConnectDomainEventRegisterAny(
                    link.pointer(), null, event, callback, null, null)));
  }

  private int onLifecycle(
      Pointer connection, Pointer domain, int event, int detail, @Nullable Pointer opaque) {
    Instant at = clock.instant();
    UUID uuid = DomainHandle.uuid(domain);
    HypervisorListener.DomainEvent what = DomainStates.event(event, detail);
    switch (what) {
      case Defined, Undefined, Started, Stopped, StoppedMigrated -> definitionChanged.accept(uuid);
      case Suspended,
          SuspendedForMigration,
          SuspendedForPostCopy,
          PostCopyFailed,
          Resumed,
          Other -> {}
    }
    tell(listener -> listener.onDomainEvent(uuid, what, at));
    return 0;
  }

  private void onIteration(
      Pointer connection, Pointer domain, int number, @Nullable Pointer opaque) {
    Instant at = clock.instant();
    UUID uuid = DomainHandle.uuid(domain);
    tell(listener -> listener.onIteration(uuid, number, at));
  }

  private void onJobCompleted(
      Pointer connection, Pointer domain, Pointer parameters, int count, @Nullable Pointer opaque) {
    Instant at = clock.instant();
    UUID uuid = DomainHandle.uuid(domain);
    JobStatistics statistics =
        JobReader.read(JobStatistics.State.Completed, TypedParameters.read(parameters, count));
    // Saves and backups complete, too.
    if (statistics.operation() == JobStatistics.Operation.MigrationOut) {
      tell(listener -> listener.onJobCompleted(uuid, statistics, at));
    }
  }

  private void onBlockJob(
      Pointer connection,
      Pointer domain,
      Pointer disk,
      int type,
      int status,
      @Nullable Pointer opaque) {
    Instant at = clock.instant();
    UUID uuid = DomainHandle.uuid(domain);
    String target = disk.getString(0, StandardCharsets.UTF_8.name());
    DomainStates.diskCopyEvent(status)
        .ifPresent(event -> tell(listener -> listener.onDiskCopy(uuid, target, event, at)));
  }

  private void onMetadata(
      Pointer connection,
      Pointer domain,
      int type,
      @Nullable Pointer namespace,
      @Nullable Pointer opaque) {
    definitionChanged.accept(DomainHandle.uuid(domain));
  }

  private void tell(Consumer<HypervisorListener> event) {
    if (!queue.offer(event)) {
      // To wait here would stop libvirt's keepalive, and with it everything else.
      LOGGER.atError().log("An event is lost: a listener does not return");
    }
  }

  private void dispatch() {
    try {
      while (true) {
        Consumer<HypervisorListener> event = queue.take();
        for (HypervisorListener listener : listeners) {
          try {
            event.accept(listener);
          } catch (RuntimeException e) {
            // One listener's bug must not keep the others from hearing.
            LOGGER.atError().setCause(e).log("A listener failed");
          }
        }
      }
    } catch (InterruptedException e) {
      LOGGER.atDebug().log("No more events are told");
    }
  }
}
