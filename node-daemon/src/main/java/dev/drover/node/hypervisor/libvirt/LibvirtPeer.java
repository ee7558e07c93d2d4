package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.GuestDefinition;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.Peer;
import dev.drover.node.hypervisor.VolumeWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;
import org.libvirt.LibvirtException;

/**
 * Another host's libvirt on one connection. Each call ends within the deadline; one that did not
 * may still have had its effect.
 */
final class LibvirtPeer implements Peer {
  private static final long DIES_OF_RESUMPTION = 11_002_000;

  /** An emulator takes its time to start on a busy host. */
  private static final Duration START_DEADLINE = Duration.ofSeconds(60);

  /** For the other host's storage to take what it is given. */
  private static final Duration STREAM_DEADLINE = Duration.ofSeconds(60);

  private final Link link;
  private final NativeCalls calls;
  private final Duration deadline;
  private final Domains domains = new Domains();

  private final Object lock = new Object();

  /** Guarded by {@link #lock}. */
  private int running;

  private boolean closed;

  LibvirtPeer(Link link, NativeCalls calls, Duration deadline) {
    this.link = link;
    this.calls = calls;
    this.deadline = deadline;
  }

  @Override
  public Optional<DomainState> domain(UUID uuid) throws HypervisorException {
    return call(
        "state of " + uuid,
        () -> {
          // No events of that host are heard here, so nothing is remembered.
          domains.forget(uuid);
          return domains.one(link, uuid);
        });
  }

  /** virDomainResume. */
  @Override
  public void resume(UUID uuid) throws HypervisorException {
    call(
        "resume of " + uuid,
        () -> {
          try (DomainHandle domain = DomainHandle.get(link, uuid)) {
            domain.resume();
            return uuid;
          }
        });
  }

  /**
   * From libvirt 11.2 on VIR_MIGRATE_POSTCOPY_RESUME kills the target's libvirtd:
   * qemuMigrationDstPrepareResume hands a null {@code fd} to qemuProcessIncomingDefNew, which reads
   * it (seen with 11.3.0; docs/explanation/decisions.md).
   */
  @Override
  public boolean canResumePostCopy() throws HypervisorException {
    return call(
        "version of the other host's libvirt",
        () -> {
          try {
            return link.getLibVersion() < DIES_OF_RESUMPTION;
          } catch (LibvirtException e) {
            throw link.error(e);
          }
        });
  }

  /** virDomainUndefineFlags, which makes an active domain transient, and virDomainDestroy. */
  @Override
  public void discard(UUID uuid) throws HypervisorException {
    call(
        "removal of " + uuid,
        () -> {
          Optional<DomainHandle> found = DomainHandle.find(link, uuid);
          if (found.isPresent()) {
            try (DomainHandle domain = found.get()) {
              DomainHandle.Status status = domain.status();
              if (DomainStates.run(status.state(), status.reason()).executes()) {
                throw new HypervisorException(
                    Kind.Conflict, LibvirtErrors.OPERATION_INVALID, "the guest runs there");
              }
              if (domain.isPersistent()) {
                domain.undefine();
              }
              if (domain.isActive()) {
                domain.destroy();
              }
            } catch (HypervisorException e) {
              if (e.code() != LibvirtErrors.NO_DOMAIN) {
                throw e;
              }
            }
          }
          return uuid;
        });
  }

  /** virDomainSetAutostart. */
  @Override
  public void enableAutostart(UUID uuid) throws HypervisorException {
    call(
        "autostart of " + uuid,
        () -> {
          try (DomainHandle domain = DomainHandle.get(link, uuid)) {
            domain.setAutostart(true);
            return uuid;
          }
        });
  }

  /** virDomainGetJobStats with COMPLETED, and KEEP_COMPLETED so that it can be asked again. */
  @Override
  public Optional<JobStatistics> completedJob(UUID uuid) throws HypervisorException {
    return call(
        "final figures of " + uuid,
        () -> {
          Optional<DomainHandle> found = DomainHandle.find(link, uuid);
          if (found.isEmpty()) {
            return Optional.empty();
          }
          try (DomainHandle domain = found.get()) {
            return domain.job(
                LibvirtNative.JOB_STATS_COMPLETED | LibvirtNative.JOB_STATS_KEEP_COMPLETED);
          }
        });
  }

  /** virDomainDefineXMLFlags. A dead connection is noticed by its keepalive. */
  @Override
  public CompletableFuture<Void> define(GuestDefinition definition) {
    CompletableFuture<Void> returned = new CompletableFuture<>();
    try {
      calls.execute(
          () -> {
            try {
              enter();
              try {
                DomainHandle.define(link, definition.text());
              } finally {
                leave();
              }
              returned.complete(null);
            } catch (HypervisorException | RuntimeException | Error e) {
              // Everything goes to the caller, who waits for nothing else.
              returned.completeExceptionally(e);
            }
          });
    } catch (RejectedExecutionException e) {
      returned.completeExceptionally(
          new HypervisorException(Kind.Other, "too many calls wait for libvirt", e));
    }
    return returned;
  }

  /** virDomainCreate. */
  @Override
  public void start(UUID uuid) throws HypervisorException {
    call(
        "start of " + uuid,
        START_DEADLINE,
        () -> {
          try (DomainHandle domain = DomainHandle.get(link, uuid)) {
            domain.start();
            return uuid;
          }
        });
  }

  /** virStorageVolUpload. */
  @Override
  public VolumeWriter writeVolume(
      String pool, String volume, long offset, long length, BooleanSupplier wanted)
      throws HypervisorException {
    return calls.runWhile(
        wanted,
        "writing of volume " + volume,
        STREAM_DEADLINE,
        () -> {
          enter(); // and leave when the stream is closed
          boolean opened = false;
          try {
            VolumeWriter writer =
                VolumeStream.open(
                    VolumeStream.Direction.Upload,
                    new VolumeStream.Part(pool, volume, offset, length),
                    link,
                    calls,
                    STREAM_DEADLINE,
                    wanted,
                    this::leave);
            opened = true;
            return writer;
          } finally {
            if (!opened) {
              leave();
            }
          }
        },
        VolumeWriter::close);
  }

  /** Closes the connection when the calls that run have returned. */
  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      if (running > 0) {
        return; // whoever leaves last closes
      }
    }
    shut();
  }

  private <T> T call(String what, NativeCalls.Call<T> call) throws HypervisorException {
    return call(what, deadline, call);
  }

  private <T> T call(String what, Duration within, NativeCalls.Call<T> call)
      throws HypervisorException {
    return calls.run(
        what,
        within,
        () -> {
          enter();
          try {
            return call.run();
          } finally {
            leave();
          }
        });
  }

  private void enter() throws HypervisorException {
    synchronized (lock) {
      if (closed) {
        throw new HypervisorException(Kind.PeerUnreachable, -1, "this connection is closed");
      }
      running++;
    }
  }

  private void leave() {
    boolean last;
    synchronized (lock) {
      running--;
      last = closed && running == 0;
    }
    if (last) {
      link.shut();
    }
  }

  private void shut() {
    try {
      // It says goodbye and waits for an answer, which may not come.
      calls.execute(link::shut);
    } catch (RejectedExecutionException e) {
      link.shut();
    }
  }
}
