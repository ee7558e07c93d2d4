package dev.drover.node.way;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Optional;

/** The source's end of a try: connects as QEMU would, and listens to who is there. */
public final class Knock {
  private Knock() {}

  /** What is wrong with the way to that port; empty if it is open. */
  public static Optional<String> at(
      InetAddress address, int port, String greeting, Duration patience) {
    int milliseconds = Math.toIntExact(patience.toMillis());
    var place = new InetSocketAddress(address, port);
    try (var socket = new Socket()) {
      socket.connect(place, milliseconds);
      socket.setSoTimeout(milliseconds);
      byte[] heard = socket.getInputStream().readNBytes(greeting.length());
      return greeting.equals(new String(heard, US_ASCII))
          ? Optional.empty()
          : Optional.of("somebody else answers at %s".formatted(text(place)));
    } catch (SocketTimeoutException e) {
      return Optional.of(
          "%s does not answer within %d s; a firewall may drop it"
              .formatted(text(place), patience.toSeconds()));
    } catch (ConnectException e) {
      return Optional.of(
          "%s refuses (%s) though the target listens there; a firewall may reject it"
              .formatted(text(place), e.getMessage()));
    } catch (IOException e) {
      return Optional.of("%s: %s".formatted(text(place), e.getMessage()));
    }
  }

  private static String text(InetSocketAddress place) {
    return place.getAddress().getHostAddress() + " port " + place.getPort();
  }
}
