package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

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

  /** For each of the three answers. */
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(5);

  private final SocketChannel channel;
  private final Selector selector;
  private final Duration answerWithin;

  private LibvirtAdmin(SocketChannel channel, Selector selector, Duration answerWithin) {
    this.channel = channel;
    this.selector = selector;
    this.answerWithin = answerWithin;
  }

  /**
   * virAdmServerUpdateTlsFiles: of libvirt 6.2 and later. Throws kind {@code Unsupported} if nobody
   * is there, the answer is no, or there is none within 5 s.
   */
  static void rereadCertificates() throws HypervisorException {
    rereadCertificates(SOCKET, ANSWER_WITHIN);
  }

  static void rereadCertificates(Path socket, Duration answerWithin) throws HypervisorException {
    try (var channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        var selector = Selector.open()) {
      channel.configureBlocking(false);
      channel.register(selector, SelectionKey.OP_READ);
      var admin = new LibvirtAdmin(channel, selector, answerWithin);
      admin.call(CONNECT_OPEN, 1, flags());
      admin.call(SERVER_UPDATE_TLS_FILES, 2, serverAndFlags());
      admin.call(CONNECT_CLOSE, 3, ByteBuffer.allocate(0));
    } catch (IOException e) {
      throw new HypervisorException(
          Kind.Unsupported, "%s: %s".formatted(socket, e.getMessage()), e);
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

  private void call(int procedure, int serial, ByteBuffer arguments) throws IOException {
    long deadline = System.nanoTime() + answerWithin.toNanos();
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
    channel.write(packet); // some fifty bytes, of which a socket takes all
    int length = read(Integer.BYTES, deadline).getInt();
    if (length < HEADER_BYTES || length > LARGEST) {
      throw new IOException("an answer of %d bytes".formatted(length));
    }
    var rest = read(length - Integer.BYTES, deadline);
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

  private ByteBuffer read(int bytes, long deadline) throws IOException {
    var buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      int read = channel.read(buffer);
      if (read < 0) {
        throw new IOException("the connection was closed");
      }
      if (read == 0) {
        await(deadline);
      }
    }
    return buffer.flip();
  }

  private void await(long deadline) throws IOException {
    long milliseconds = (deadline - System.nanoTime()) / 1_000_000;
    if (milliseconds <= 0) {
      throw new IOException("no answer within %d ms".formatted(answerWithin.toMillis()));
    }
    selector.select(milliseconds);
    selector.selectedKeys().clear();
  }
}
