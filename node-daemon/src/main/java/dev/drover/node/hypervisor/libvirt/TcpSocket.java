package dev.drover.node.hypervisor.libvirt;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * A TCP socket of this host, as sock_diag(7) tells of it.
 *
 * @param id the kernel's {@code struct inet_diag_sockid}; it names this very socket, for the cookie
 *     in it is never used again
 * @param inode 0 once no process has it any more
 * @param bytesAcknowledged sent, and acknowledged by the other end's kernel
 * @param unanswered how often the kernel has sent something again, or asked for a window, since it
 *     had an answer
 */
record TcpSocket(
    int family,
    SocketId id,
    int localPort,
    int remotePort,
    long inode,
    long bytesAcknowledged,
    long bytesReceived,
    int unanswered) {

  /** {@code struct inet_diag_sockid}, by its content. */
  record SocketId(ByteBuffer bytes) {
    static final int SIZE = 48;

    SocketId {
      bytes = bytes.asReadOnlyBuffer();
    }
  }

  /** {@code struct inet_diag_msg}: family, state, timer, retrans, id, five numbers. */
  private static final int MESSAGE_SIZE = 72;

  private static final int ID_AT = 4;
  private static final int INODE_AT = 68;

  /** {@code INET_DIAG_INFO}: the attribute that holds a {@code struct tcp_info}. */
  static final int INFO = 2;

  private static final int RETRANSMITS_AT = 2;
  private static final int PROBES_AT = 3;
  private static final int BYTES_ACKED_AT = 120;
  private static final int BYTES_RECEIVED_AT = 128;

  /**
   * Reads one message of a dump.
   *
   * @param message what follows the netlink header, in this machine's byte order
   * @return empty if the kernel is too old (before 4.1) to tell how much was moved
   */
  static Optional<TcpSocket> read(ByteBuffer message) {
    if (message.remaining() < MESSAGE_SIZE) {
      return Optional.empty();
    }
    ByteBuffer of = message.slice().order(ByteOrder.nativeOrder());
    ByteBuffer id = ByteBuffer.allocate(SocketId.SIZE);
    id.put(0, of, ID_AT, SocketId.SIZE);
    ByteBuffer network = of.duplicate().order(ByteOrder.BIG_ENDIAN);
    int at = MESSAGE_SIZE;
    while (at + 4 <= of.limit()) {
      int length = Short.toUnsignedInt(of.getShort(at));
      int type = Short.toUnsignedInt(of.getShort(at + 2));
      if (length < 4) {
        break;
      }
      if (type == INFO && length - 4 >= BYTES_RECEIVED_AT + 8) {
        int info = at + 4;
        return Optional.of(
            new TcpSocket(
                of.get(0),
                new SocketId(id),
                Short.toUnsignedInt(network.getShort(ID_AT)),
                Short.toUnsignedInt(network.getShort(ID_AT + 2)),
                Integer.toUnsignedLong(of.getInt(INODE_AT)),
                of.getLong(info + BYTES_ACKED_AT),
                of.getLong(info + BYTES_RECEIVED_AT),
                Math.max(of.get(info + RETRANSMITS_AT), of.get(info + PROBES_AT))));
      }
      at += (length + 3) & ~3;
    }
    return Optional.empty();
  }
}
