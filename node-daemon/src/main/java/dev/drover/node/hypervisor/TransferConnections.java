package dev.drover.node.hypervisor;

/**
 * The TCP connections of one transfer from this host, as this host's kernel has them: what tells
 * whether anything moves when neither libvirt nor the emulator answers, and what makes them see
 * that the other end is gone. Only connections of this very transfer are ever counted or broken.
 * Thread-safe.
 */
public interface TransferConnections extends AutoCloseable {

  /**
   * What the kernel knows of the streams that carry memory and disks.
   *
   * @param streams how many there are now
   * @param bytesMoved sent and acknowledged, and received, on all of those, together; it may shrink
   *     when one ends
   * @param unanswered the kernel has sent something again, and the other end's kernel has not
   *     answered: the link or the other host is gone, not just its emulator
   */
  record Traffic(int streams, long bytesMoved, boolean unanswered) {
    public static final Traffic NONE = new Traffic(0, 0, false);
  }

  /** Throws kind {@code Unsupported} if this process may not look. */
  Traffic traffic() throws HypervisorException;

  /**
   * Breaks the streams (SOCK_DESTROY): the emulator gets an error at once, as if the other end had
   * reset them.
   *
   * @return how many were broken
   */
  int breakStreams() throws HypervisorException;

  /**
   * Breaks the connection from this host's libvirt to the other one's that belongs to this
   * transfer.
   *
   * @return how many were broken: 0 also if it can't be told from those of other transfers
   */
  int breakControl() throws HypervisorException;

  /** Forgets them; breaks nothing. */
  @Override
  void close();
}
