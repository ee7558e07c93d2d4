package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import org.jspecify.annotations.Nullable;

/** The few system calls that Java lacks. A failure throws with errno. */
interface Libc extends Library {
  /** The same number on every architecture since Linux 5.3. */
  int SYS_PIDFD_OPEN = 434;

  /** The same number on every architecture. */
  int SYS_PIDFD_SEND_SIGNAL = 424;

  int SIGKILL = 9;

  short POLLIN = 1;

  int AF_INET = 2;
  int AF_INET6 = 10;
  int AF_NETLINK = 16;
  int SOCK_RAW_CLOEXEC = 3 | 0x80000;
  int NETLINK_SOCK_DIAG = 4;
  int SOL_SOCKET = 1;
  int SO_RCVTIMEO = 20;

  int EINTR = 4;
  int ESRCH = 3;
  int ENOENT = 2;
  int EPERM = 1;

  static Libc instance() {
    return Loaded.LIBRARY;
  }

  /** Holder. */
  final class Loaded {
    private static final Libc LIBRARY = Native.load("c", Libc.class);

    private Loaded() {}
  }

  /** glibc has a name for pidfd_open only since 2.36. */
  NativeLong syscall(NativeLong number, @Nullable Object... arguments) throws LastErrorException;

  int poll(Pointer descriptors, NativeLong count, int timeoutMilliseconds)
      throws LastErrorException;

  /** Returns once everything is written, on Linux; of all file systems, in any namespace. */
  void sync();

  int socket(int domain, int type, int protocol) throws LastErrorException;

  int setsockopt(int descriptor, int level, int option, Pointer value, int length)
      throws LastErrorException;

  NativeLong send(int descriptor, byte[] message, NativeLong length, int flags)
      throws LastErrorException;

  NativeLong recv(int descriptor, byte[] buffer, NativeLong length, int flags)
      throws LastErrorException;

  int close(int descriptor) throws LastErrorException;
}
