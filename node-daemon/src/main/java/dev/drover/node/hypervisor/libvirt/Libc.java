package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;

/** The few system calls that Java lacks. A failure throws with errno. */
interface Libc extends Library {
  /** The same number on every architecture since Linux 5.3. */
  int SYS_PIDFD_OPEN = 434;

  short POLLIN = 1;

  int EINTR = 4;
  int ESRCH = 3;

  static Libc instance() {
    return Loaded.LIBRARY;
  }

  /** Holder. */
  final class Loaded {
    private static final Libc LIBRARY = Native.load("c", Libc.class);

    private Loaded() {}
  }

  /** glibc has a name for pidfd_open only since 2.36. */
  NativeLong syscall(NativeLong number, Object... arguments) throws LastErrorException;

  int poll(Pointer descriptors, NativeLong count, int timeoutMilliseconds)
      throws LastErrorException;

  /** Returns once everything is written, on Linux; of all file systems, in any namespace. */
  void sync();

  int close(int descriptor) throws LastErrorException;
}
