package dev.drover.node.hypervisor.libvirt;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;

/** The addresses of this host's network cards, as the kernel has them now. */
final class LocalAddresses {
  private static final int DISCARD_PORT = 9;

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

  /**
   * Speed of the card by which the kernel would send to that address; empty if the driver does not
   * say. Sends nothing: a datagram socket only looks up its route when it is connected.
   */
  static OptionalInt linkMegabitsPerSecond(InetAddress towards) {
    try (var socket = new DatagramSocket()) {
      socket.connect(towards, DISCARD_PORT);
      var card = NetworkInterface.getByInetAddress(socket.getLocalAddress());
      if (card == null) {
        return OptionalInt.empty();
      }
      var text = Files.readString(Path.of("/sys/class/net", card.getName(), "speed")).strip();
      return text.matches("[1-9][0-9]{0,8}")
          ? OptionalInt.of(Integer.parseInt(text))
          : OptionalInt.empty();
    } catch (IOException | UncheckedIOException e) {
      return OptionalInt.empty(); // no route, or a card that does not say (loopback, some bridges)
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
