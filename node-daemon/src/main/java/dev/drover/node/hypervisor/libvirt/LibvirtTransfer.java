package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.Transfer;
import dev.drover.node.hypervisor.libvirt.NativeCalls.Commitment;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A call of virDomainMigrateToURI3, which blocks until the transfer is over, on a platform thread
 * and a connection of its own. When this process or its connection goes away, the call is over but
 * the transfer is not: it belongs to the source's libvirt.
 */
final class LibvirtTransfer implements Transfer {
  private static final Logger LOGGER = LoggerFactory.getLogger(LibvirtTransfer.class);

  private final Link link;
  private final DomainHandle domain;
  private final CompletableFuture<Void> returned = new CompletableFuture<>();

  private LibvirtTransfer(Link link, DomainHandle domain) {
    this.link = link;
    this.domain = domain;
  }

  /**
   * Commits itself, and takes over the link and the domain. If this throws, both are still the
   * caller's, and virDomainMigrateToURI3 is not called.
   */
  static LibvirtTransfer start(
      Link link, DomainHandle domain, UUID uuid, TransferCall call, Commitment commitment)
      throws HypervisorException {
    LibvirtTransfer transfer = new LibvirtTransfer(link, domain);
    Thread thread =
        Thread.ofPlatform()
            .daemon()
            .name("transfer-" + uuid)
            .unstarted(() -> transfer.run(uuid, call));
    commitment.commit();
    // From here on the caller waits for us: nothing but the start may follow.
    thread.start();
    return transfer;
  }

  @Override
  public CompletableFuture<Void> returned() {
    return returned;
  }

  /** The connection goes back by itself as soon as the call has returned. */
  @Override
  public void close() {}

  private void run(UUID uuid, TransferCall call) {
    try {
      LOGGER
          .atInfo()
          .addKeyValue("guest", uuid)
          .addKeyValue("destination", call.destination())
          .addKeyValue("flags", "0x" + Integer.toHexString(call.flags()))
          .log("Transfer begins");
      domain.migrate(call.destination(), call.parameters(), call.flags());
      LOGGER.atInfo().addKeyValue("guest", uuid).log("Transfer has returned");
      returned.complete(null);
    } catch (HypervisorException e) {
      HypervisorException told = attribute(e);
      LOGGER
          .atInfo()
          .addKeyValue("guest", uuid)
          .addKeyValue("kind", told.kind())
          .addKeyValue("code", told.code())
          .addKeyValue("cause", told.getMessage())
          .log("Transfer has failed");
      returned.completeExceptionally(told);
    } catch (RuntimeException | Error e) {
      // Whoever waits must learn of it.
      returned.completeExceptionally(e);
      throw e;
    } finally {
      domain.close();
      link.shut();
    }
  }

  /**
   * The words are the same whether our connection to libvirt has broken or libvirt's own to the
   * other host; whether ours is up tells which.
   */
  private HypervisorException attribute(HypervisorException e) {
    if (e.kind() == Kind.Unavailable && link.isUp()) {
      return new HypervisorException(
          Kind.PeerUnreachable, e.code(), String.valueOf(e.getMessage()));
    }
    return e;
  }
}
