package dev.drover.node.hypervisor.libvirt;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;

/** The addresses of this host's network cards, as the kernel has them now. */
final class LocalAddresses {
  private LocalAddresses() {}

  /** False for loopback and wildcard addresses, which every host has. */
  static boolean has(InetAddress address) {
    if (address.isLoopbackAddress() || address.isAnyLocalAddress()) {
      return false;
    }
    try {
      return NetworkInterface.getByInetAddress(address) != null;
    } catch (SocketException e) {
      return false;
    }
  }

  /** Whether there is a network interface (a bridge is one) of that name. */
  static boolean hasInterface(String name) {
    try {
      return NetworkInterface.getByName(name) != null;
    } catch (SocketException e) {
      return false;
    }
  }
}
