package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The one call of libvirt's admin socket that is needed, by libvirt's own protocol (XDR). Not by
 * libvirt-admin.so: virAdmConnectOpen of 11.3 crashed the JVM beside a connection to libvirt
 * itself.
 */
final class LibvirtAdmin {
  private static final Path SOCKET = Path.of("/run/libvirt/libvirt-admin-sock");

  /** The monolithic daemon's; the modular ones have sockets of other names. */
  private static final String SERVER = "libvirtd";

  private static final int PROGRAM = 0x06900690;
  private static final int VERSION = 1;
  private static final int CONNECT_OPEN = 1;
  private static final int CONNECT_CLOSE = 2;
  private static final int SERVER_UPDATE_TLS_FILES = 18;

  private static final int HEADER_BYTES = 28;
  private static final int STATUS_AT = 24;
  private static final int LARGEST = 1 << 16;

  private LibvirtAdmin() {}

  /**
   * virAdmServerUpdateTlsFiles: of libvirt 6.2 and later. May wait for libvirtd without end. Throws
   * kind {@code Unsupported} if nobody answers there, or the answer is no.
   */
  static void rereadCertificates() throws HypervisorException {
    try (var channel = SocketChannel.open(UnixDomainSocketAddress.of(SOCKET))) {
      call(channel, CONNECT_OPEN, 1, flags());
      call(channel, SERVER_UPDATE_TLS_FILES, 2, serverAndFlags());
      call(channel, CONNECT_CLOSE, 3, ByteBuffer.allocate(0));
    } catch (IOException e) {
      throw new HypervisorException(
          Kind.Unsupported, "%s: %s".formatted(SOCKET, e.getMessage()), e);
    }
  }

  private static ByteBuffer flags() {
    return ByteBuffer.allocate(Integer.BYTES).putInt(0).flip();
  }

  private static ByteBuffer serverAndFlags() {
    byte[] name = SERVER.getBytes(StandardCharsets.US_ASCII);
    int padded = (name.length + 3) / 4 * 4;
    return ByteBuffer.allocate(Integer.BYTES + padded + Integer.BYTES)
        .putInt(name.length)
        .put(name)
        .position(Integer.BYTES + padded)
        .putInt(0)
        .flip();
  }

  private static void call(SocketChannel channel, int procedure, int serial, ByteBuffer arguments)
      throws IOException {
    var packet = ByteBuffer.allocate(HEADER_BYTES + arguments.remaining());
    packet
        .putInt(packet.capacity())
        .putInt(PROGRAM)
        .putInt(VERSION)
        .putInt(procedure)
        .putInt(0) // a call
        .putInt(serial)
        .putInt(0)
        .put(arguments)
        .flip();
    while (packet.hasRemaining()) {
      channel.write(packet);
    }
    int length = read(channel, Integer.BYTES).getInt();
    if (length < HEADER_BYTES || length > LARGEST) {
      throw new IOException("an answer of %d bytes".formatted(length));
    }
    var rest = read(channel, length - Integer.BYTES);
    int status = rest.getInt(STATUS_AT - Integer.BYTES);
    if (status != 0) {
      throw new IOException(message(rest.position(HEADER_BYTES - Integer.BYTES)));
    }
  }

  /** Code, domain, and a string that may be missing. */
  private static String message(ByteBuffer error) throws IOException {
    if (error.remaining() < 4 * Integer.BYTES) {
      return "an error without a message";
    }
    int code = error.getInt();
    error.getInt();
    if (error.getInt() == 0) {
      return "error " + code;
    }
    int length = error.getInt();
    if (length < 0 || length > error.remaining()) {
      throw new IOException("an error that can't be understood");
    }
    var text = new byte[length];
    error.get(text);
    return new String(text, StandardCharsets.UTF_8);
  }

  private static ByteBuffer read(SocketChannel channel, int bytes) throws IOException {
    var buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new IOException("the connection was closed");
      }
    }
    return buffer.flip();
  }
}
