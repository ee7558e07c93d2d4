package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.Peer;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import org.libvirt.LibvirtException;

/**
 * Another host's libvirt on one connection. Each call ends within the deadline; one that did not
 * may still have had its effect.
 */
final class LibvirtPeer implements Peer {
  private static final long DIES_OF_RESUMPTION = 11_002_000;

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
    return calls.run(
        what,
        deadline,
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
