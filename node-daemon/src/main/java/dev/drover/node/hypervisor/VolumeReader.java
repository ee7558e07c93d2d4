package dev.drover.node.hypervisor;

/** A part of a volume's file on its way out, byte for byte. For one thread at a time. */
public interface VolumeReader extends AutoCloseable {

  /** What comes next. */
  sealed interface Piece {
    /** So many bytes are in the buffer. */
    record Data(int length) implements Piece {}

    /** So many bytes are zero, and take up no room. */
    record Hole(long length) implements Piece {}

    /** The part is over, or the file. */
    record End() implements Piece {}
  }

  Piece read(byte[] buffer) throws HypervisorException;

  @Override
  void close();
}
