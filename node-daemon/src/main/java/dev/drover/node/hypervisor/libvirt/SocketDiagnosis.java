package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.NativeLong;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Lists and destroys TCP sockets of this network namespace (sock_diag(7)). To destroy one needs
 * CAP_NET_ADMIN and a kernel with CONFIG_INET_DIAG_DESTROY. What {@code ss -K} does, but for one
 * socket that can't be mistaken for another, and with an error where that fails.
 */
final class SocketDiagnosis {
  private static final int HEADER = 16;
  private static final int REQUEST = 56;
  private static final short NLMSG_ERROR = 2;
  private static final short NLMSG_DONE = 3;
  private static final short SOCK_DIAG_BY_FAMILY = 20;
  private static final short SOCK_DESTROY = 21;
  private static final short NLM_F_REQUEST = 1;
  private static final short NLM_F_MULTI = 2;
  private static final short NLM_F_ACK = 4;
  private static final short NLM_F_DUMP = 0x300;
  private static final byte IPPROTO_TCP = 6;

  /** All but LISTEN, CLOSE, TIME_WAIT and NEW_SYN_RECV: what may carry data. */
  private static final int STATES = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;

  private static final short REQ_BYTECODE = 1;
  private static final byte BC_D_COND = 8;
  private static final int BUFFER = 1 << 16;
  private static final int ANSWER_WITHIN_MILLISECONDS = 1000;

  private SocketDiagnosis() {}

  /**
   * The sockets whose other end is at that address, whatever the port. The kernel walks through all
   * connections of this machine for it, those of its containers included.
   */
  static List<TcpSocket> to(InetAddress remote) throws HypervisorException {
    if (remote instanceof Inet6Address) {
      return to(remote, Libc.AF_INET6);
    }
    // A socket of IPv6 may well talk to an address of IPv4.
    List<TcpSocket> found = new ArrayList<>(to(remote, Libc.AF_INET));
    found.addAll(to(remote, Libc.AF_INET6));
    return found;
  }

  private static List<TcpSocket> to(InetAddress remote, int socketFamily)
      throws HypervisorException {
    byte[] address = remote.getAddress();
    int condition = 8 + address.length; // inet_diag_hostcond
    int bytecode = 4 + condition; // inet_diag_bc_op
    ByteBuffer request =
        request(
            SOCK_DIAG_BY_FAMILY,
            (short) (NLM_F_REQUEST | NLM_F_DUMP),
            socketFamily,
            HEADER + REQUEST + 4 + bytecode);
    request.putInt(HEADER + 4, STATES);
    int at = HEADER + REQUEST;
    request.putShort(at, (short) (4 + bytecode)).putShort(at + 2, REQ_BYTECODE);
    at += 4;
    // Go on by `yes` if it matches; `no` leads behind the end, which is a refusal.
    request
        .put(at, BC_D_COND)
        .put(at + 1, (byte) bytecode)
        .putShort(at + 2, (short) (bytecode + 4))
        .put(at + 4, (byte) family(remote))
        .put(at + 5, (byte) (address.length * 8))
        .putInt(at + 8, -1)
        .put(at + 12, address);
    return talk("list of TCP connections", request);
  }

  /** The same socket, as it is now; costs the same however many there are. Empty if it is gone. */
  static Optional<TcpSocket> again(TcpSocket socket) throws HypervisorException {
    try {
      return talk("look at a TCP connection", about(socket, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST))
          .stream()
          .findFirst();
    } catch (HypervisorException e) {
      if (e.code() == Libc.ENOENT) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * Destroys the socket: its owner gets ECONNABORTED at once, the other end a reset if it can be
   * reached.
   *
   * @return whether it was still there
   */
  static boolean destroy(TcpSocket socket) throws HypervisorException {
    try {
      var unused =
          talk(
              "end of a TCP connection",
              about(socket, SOCK_DESTROY, (short) (NLM_F_REQUEST | NLM_F_ACK)));
      return true;
    } catch (HypervisorException e) {
      if (e.code() == Libc.ENOENT) {
        return false;
      }
      throw e;
    }
  }

  private static ByteBuffer about(TcpSocket socket, short type, short flags) {
    return request(type, flags, socket.family(), HEADER + REQUEST)
        .putInt(HEADER + 4, -1)
        .put(HEADER + 8, socket.id().bytes(), 0, TcpSocket.SocketId.SIZE);
  }

  private static int family(InetAddress address) {
    return address instanceof Inet6Address ? Libc.AF_INET6 : Libc.AF_INET;
  }

  private static ByteBuffer request(short type, short flags, int family, int length) {
    return ByteBuffer.allocate(length)
        .order(ByteOrder.nativeOrder())
        .putInt(0, length)
        .putShort(4, type)
        .putShort(6, flags)
        .put(HEADER, (byte) family)
        .put(HEADER + 1, IPPROTO_TCP)
        .put(HEADER + 2, (byte) (1 << (TcpSocket.INFO - 1)));
  }

  private static List<TcpSocket> talk(String what, ByteBuffer request) throws HypervisorException {
    Libc libc = Libc.instance();
    int descriptor = -1;
    try {
      descriptor = libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW_CLOEXEC, Libc.NETLINK_SOCK_DIAG);
      try (Memory timeout = new Memory(16)) {
        timeout.setLong(0, ANSWER_WITHIN_MILLISECONDS / 1000);
        timeout.setLong(8, ANSWER_WITHIN_MILLISECONDS % 1000 * 1000L);
        libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, timeout, 16);
      }
      byte[] bytes = new byte[request.limit()];
      request.get(0, bytes);
      libc.send(descriptor, bytes, new NativeLong(bytes.length), 0);
      List<TcpSocket> found = new ArrayList<>();
      byte[] buffer = new byte[BUFFER];
      while (true) {
        int length = libc.recv(descriptor, buffer, new NativeLong(buffer.length), 0).intValue();
        if (take(what, ByteBuffer.wrap(buffer, 0, length), found)) {
          return found;
        }
      }
    } catch (LastErrorException e) {
      throw failure(what, e.getErrorCode());
    } finally {
      if (descriptor >= 0) {
        libc.close(descriptor);
      }
    }
  }

  /** True after the last message. */
  static boolean take(String what, ByteBuffer messages, List<TcpSocket> found)
      throws HypervisorException {
    ByteBuffer from = messages.slice().order(ByteOrder.nativeOrder());
    int at = 0;
    while (at + HEADER <= from.limit()) {
      int length = from.getInt(at);
      if (length < HEADER || at + length > from.limit()) {
        throw new HypervisorException(Kind.Other, -1, what + ": the kernel's answer is cut off");
      }
      short type = from.getShort(at + 4);
      if (type == NLMSG_DONE) {
        return true;
      }
      if (type == NLMSG_ERROR) {
        int errno = -from.getInt(at + HEADER);
        if (errno != 0) {
          throw failure(what, errno);
        }
        return true;
      }
      TcpSocket.read(from.slice(at + HEADER, length - HEADER)).ifPresent(found::add);
      if ((from.getShort(at + 6) & NLM_F_MULTI) == 0) {
        return true; // what was asked for by its id comes alone
      }
      at += (length + 3) & ~3;
    }
    return false;
  }

  private static HypervisorException failure(String what, int errno) {
    return new HypervisorException(
        errno == Libc.EPERM ? Kind.Unsupported : Kind.Other,
        errno,
        what
            + (errno == Libc.EPERM
                ? ": this process lacks CAP_NET_ADMIN"
                : ": the kernel says errno " + errno));
  }
}
