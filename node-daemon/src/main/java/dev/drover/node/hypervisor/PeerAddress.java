package dev.drover.node.hypervisor;

import java.net.InetAddress;

/** Where another host is reached; taken from its HypervisorNode, never from a spec. */
public record PeerAddress(InetAddress address, Transport transport) {

  /** How libvirt is reached, and whether memory and disks are encrypted. */
  public enum Transport {
    /** Plain text on port 16509; for networks that nobody else is on. */
    tcp,
    /** Mutual TLS on port 16514, and for memory and disks. */
    tls
  }
}
