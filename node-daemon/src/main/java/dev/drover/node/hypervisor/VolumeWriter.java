package dev.drover.node.hypervisor;

/** A part of a volume's file on its way in, byte for byte. For one thread at a time. */
public interface VolumeWriter extends AutoCloseable {

  void write(byte[] buffer, int length) throws HypervisorException;

  /** So many bytes are zero. */
  void hole(long length) throws HypervisorException;

  /** Returns once the other host has taken everything: only then is it known to be there. */
  void finish() throws HypervisorException;

  /** Without {@link #finish}, what was written may be there or not. */
  @Override
  void close();
}
