package dev.drover.node.cold;

import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.VolumeReader.Piece;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.BooleanSupplier;

/** SHA-256 of a file that is read in parts, each of which can be taken back. */
final class FileDigest {
  /** What libvirt puts into one message (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX). */
  static final int PIECE_BYTES = 262_120;

  private static final byte[] ZEROES = new byte[1 << 16];

  private final MessageDigest digest;
  private long bytes;

  FileDigest() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private FileDigest(MessageDigest digest, long bytes) {
    this.digest = digest;
    this.bytes = bytes;
  }

  /** As it is now. */
  FileDigest copy() {
    try {
      return new FileDigest((MessageDigest) digest.clone(), bytes);
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("the JDK's SHA-256 can be cloned", e);
    }
  }

  long bytes() {
    return bytes;
  }

  void data(byte[] buffer, int length) {
    digest.update(buffer, 0, length);
    bytes += length;
  }

  void zeroes(long length) {
    for (long left = length; left > 0; left -= ZEROES.length) {
      digest.update(ZEROES, 0, (int) Math.min(left, ZEROES.length));
    }
    bytes += length;
  }

  String hexadecimal() {
    return HexFormat.of().formatHex(copy().digest.digest());
  }

  /**
   * Reads a file from where this digest is up to {@code end}; nothing is sent anywhere.
   *
   * @param wanted as for {@link Hypervisor#readVolume}
   */
  void read(Hypervisor hypervisor, String pool, String volume, long end, BooleanSupplier wanted)
      throws HypervisorException {
    if (bytes >= end) {
      return; // to libvirt, a length of 0 is all that there is
    }
    byte[] buffer = new byte[PIECE_BYTES];
    try (var reader = hypervisor.readVolume(pool, volume, bytes, end - bytes, wanted)) {
      while (true) {
        switch (reader.read(buffer)) {
          case Piece.Data(var length) -> data(buffer, length);
          case Piece.Hole(var length) -> zeroes(length);
          case Piece.End() -> {
            return;
          }
        }
      }
    }
  }
}
