package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Pointer;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.libvirt.LibvirtErrors.Side;
import org.libvirt.Connect;
import org.libvirt.LibvirtException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection to a libvirt daemon, for both bindings. Whoever closes it sees to it that nobody
 * uses it any more: libvirt frees it there and then.
 */
final class Link extends Connect {
  private static final Logger LOGGER = LoggerFactory.getLogger(Link.class);

  private final Side side;

  private Link(String uri, Side side) throws LibvirtException {
    super(uri, false);
    this.side = side;
  }

  /**
   * virConnectOpen with keepalive. May block as long as the other end keeps a socket open without a
   * word.
   */
  static Link open(String uri, int keepAliveSeconds, int keepAliveCount, Side side)
      throws HypervisorException {
    EventLoop.ensureStarted();
    Link link;
    try {
      link = new Link(uri, side);
    } catch (LibvirtException e) {
      HypervisorException told = LibvirtErrors.of(e, side);
      // Whatever the reason: there is no connection.
      throw told.kind() == side.broken()
          ? told
          : new HypervisorException(side.broken(), uri + ": " + told.getMessage(), e);
    }
    if (link.vcp == null) {
      throw new HypervisorException(Kind.Unavailable, -1, uri + ": no connection, and no reason");
    }
    try {
      link.setKeepAlive(keepAliveSeconds, keepAliveCount);
      return link;
    } catch (LibvirtException e) {
      link.shut();
      throw LibvirtErrors.of(e, side);
    }
  }

  /** For {@link LibvirtNative}; valid until {@link #shut}. */
  Pointer pointer() {
    return vcp.getPointer();
  }

  Side side() {
    return side;
  }

  /** Whether the connection is up, as far as this end knows; asks nobody. */
  boolean isUp() {
    try {
      return vcp != null && isAlive();
    } catch (LibvirtException e) {
      return false;
    }
  }

  /** What has just failed on this thread. */
  HypervisorException lastError() {
    return LibvirtErrors.last(side);
  }

  HypervisorException error(LibvirtException e) {
    return LibvirtErrors.of(e, side);
  }

  /** Throws what has just failed if the result is negative. */
  int check(int result) throws HypervisorException {
    if (result < 0) {
      throw lastError();
    }
    return result;
  }

  /** virConnectClose; never throws. */
  void shut() {
    try {
      int left = close();
      if (left > 0) {
        LOGGER.atWarn().addKeyValue("references", left).log("A connection is still referred to");
      }
    } catch (LibvirtException e) {
      LOGGER.atDebug().setCause(e).log("Closing a connection failed");
    }
  }
}
